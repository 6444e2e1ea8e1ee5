-- Blocks of references by their hashes in hexadecimal.
SELECT project, lower(hex(hash)) AS block, lower(hex(body)) AS content FROM message_bodies
WHERE project IN {projects:Array(String)} AND hash IN (SELECT toFixedString(unhex(arrayJoin({hashes:Array(String)})), 16)) AND kind = 'list'
LIMIT 1 BY project, hash
