-- The permission checks of one page, all columns; the view's filter on its key goes down to the table.
SELECT *
FROM permission_events
WHERE project IN {projects:Array(String)} AND thread_id IN {thread_ids:Array(String)} AND event_id IN {event_ids:Array(String)}
ORDER BY timestamp DESC, event_id DESC
