-- Contents of messages, by hash; unhex on the constant side so that the key prunes.
SELECT lower(hex(b.hash)) AS hash, any(b.body) AS body
FROM message_bodies AS b
WHERE project = {project:String} AND kind = 'item'
    AND b.hash IN (SELECT toFixedString(unhex(arrayJoin({hashes:Array(String)})), 16))
GROUP BY b.hash
