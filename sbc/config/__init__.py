"""The configuration: schema, loading, faults."""
