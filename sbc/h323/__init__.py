"""H.323: RAS, call signalling and H.245. Importing it compiles no ASN.1; the first message does (`sbc.h323.per`)."""
