"""Makes `twistd sbc` known to Twisted, which collects this folder from every project: so no __init__.py beside it."""

from twisted.application.service import ServiceMaker

sbc = ServiceMaker("sbc", "sbc.tap", "A session border controller: signalling and media across NATs.", "sbc")
