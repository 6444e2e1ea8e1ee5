-- The permission checks that one page of a timeline shows: by their own id, or by the step that stands for them.
SELECT *
FROM permission_events
WHERE project = {project:String} AND thread_id = {thread_id:String}
    AND (event_id IN {event_ids:Array(String)} OR step_id IN {step_ids:Array(String)})
