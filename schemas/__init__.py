"""The words everyone shares: settings, topics, ports, events, tables, SQL of record."""
