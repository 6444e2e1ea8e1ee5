-- Bodies by content, hashes in hexadecimal.
SELECT project, hash, body FROM message_bodies
WHERE project IN {projects:Array(String)} AND hash IN (SELECT toFixedString(unhex(arrayJoin({hashes:Array(String)})), 16))
LIMIT 1 BY project, hash
