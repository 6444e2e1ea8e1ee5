-- Agents, tools, MCP servers and models, by id.
SELECT * FROM entities
WHERE project IN {projects:Array(String)}
    AND type = {type:String} --? type
    AND scope = {scope:String} --? scope
    AND validated = {validated:UInt8} --? validated
    AND positionCaseInsensitiveUTF8(name, {q:String}) > 0 --? q
    AND (entity_id, project) > ({after:String}, {after_project:String}) --? after
ORDER BY entity_id, project
LIMIT {limit:UInt32}
