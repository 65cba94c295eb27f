-- How many connections are in which status? Asked by every scrape of the metrics.
CREATE INDEX connections_by_status ON connections (connector, status, pending_confirmation);
