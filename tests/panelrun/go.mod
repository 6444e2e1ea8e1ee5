// Only what is imported, at exact versions: `go mod tidy` adds what these need, which minimal version selection leaves no choice about.
module missioncontrol/panelrun

go 1.26.5

require (
	github.com/ClickHouse/clickhouse-go/v2 v2.47.0
	github.com/grafana/grafana-plugin-sdk-go v0.293.0
	github.com/grafana/sqlds/v5 v5.3.0
	github.com/shopspring/decimal v1.4.0
)
