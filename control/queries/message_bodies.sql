-- Contents of messages, by hash; unhex on the constant side so that the key prunes.
SELECT lower(hex(hash)) AS hash, any(body) AS body
FROM message_bodies
WHERE project = {project:String} AND kind = 'item'
    AND hash IN (SELECT toFixedString(unhex(arrayJoin({hashes:Array(String)})), 16))
GROUP BY hash
