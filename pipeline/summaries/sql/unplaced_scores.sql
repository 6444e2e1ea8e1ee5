-- Scores of these traces that name no thread themselves: not placed as yet, or placed by us (odd versions).
SELECT * FROM score_records FINAL
WHERE project IN {projects:Array(String)} AND trace_id IN {traces:Array(String)} AND (thread_id = '' OR version % 2 = 1)
