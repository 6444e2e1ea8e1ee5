-- Since when some agents are asked for what.
SELECT toString(project) AS project, toString(agent_name) AS agent_name, toString(asked_for) AS asked_for, toUnixTimestamp64Nano(min(first_at)) AS first_ns
FROM agent_resources
WHERE project IN {projects:Array(String)} AND agent_name IN {agents:Array(String)}
GROUP BY project, agent_name, asked_for
