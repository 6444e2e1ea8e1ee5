-- Who uses what, by source and target.
SELECT * FROM relationships
WHERE project IN {projects:Array(String)}
    AND type = {type:String} --? type
    AND (source_id = {entity_id:String} OR target_id = {entity_id:String}) --? entity_id
    AND (source_id, target_id, type, project) > ({after:String}, {after_target:String}, {after_type:String}, {after_project:String}) --? after
ORDER BY source_id, target_id, type, project
LIMIT {limit:UInt32}
