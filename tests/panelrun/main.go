// panelrun executes queries of Grafana's ClickHouse data source as a Grafana server would: the same macros, the plugin SDK's
// frames, the SQL framework and the driver over HTTP. It needs no Grafana.
//
//	panelrun [-compress gzip|lz4|none] 127.0.0.1:8123 < jobs.json
//
// jobs.json is a list of jobs; one line of JSON comes out for each, in order. The exit status is 0 whatever the queries said.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"math"
	"os"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/grafana/grafana-plugin-sdk-go/data/sqlutil"
	"github.com/grafana/sqlds/v5"
)

// job is one query with what the page around it gives: the range, the width of a point, the chosen values.
type job struct {
	Name       string            `json:"name"`
	Sql        string            `json:"sql"`
	Format     int               `json:"format"`
	From       time.Time         `json:"from"`
	To         time.Time         `json:"to"`
	IntervalMs int64             `json:"interval_ms"`
	Vars       map[string]string `json:"vars"`
	Rows       int               `json:"rows"`
}

type field struct {
	Name   string            `json:"name"`
	Type   string            `json:"type"`
	Labels map[string]string `json:"labels"`
	Values []any             `json:"values"`
}

type frame struct {
	Rows   int     `json:"rows"`
	Schema string  `json:"schema"`
	Vis    string  `json:"vis"`
	Fields []field `json:"fields"`
}

type answer struct {
	Name   string  `json:"name"`
	Sql    string  `json:"sql"`
	Error  string  `json:"error"`
	Ms     float64 `json:"ms"`
	Frames []frame `json:"frames"`
}

var methods = map[string]clickhouse.CompressionMethod{
	"none": clickhouse.CompressionNone, "gzip": clickhouse.CompressionGZIP, "lz4": clickhouse.CompressionLZ4,
}

func main() {
	compress := flag.String("compress", "gzip", "none, gzip or lz4")
	flag.Parse()
	method, known := methods[*compress]
	if !known {
		log.Fatalf("unknown compression %q", *compress)
	}
	var jobs []job
	if err := json.NewDecoder(os.Stdin).Decode(&jobs); err != nil {
		log.Fatal(err)
	}
	source, settings := connect(flag.Arg(0), method)
	out := json.NewEncoder(os.Stdout)
	for _, j := range jobs {
		if err := out.Encode(run(source, settings, j)); err != nil {
			log.Fatal(err)
		}
	}
}

func connect(address string, method clickhouse.CompressionMethod) (*sqlds.SQLDatasource, backend.DataSourceInstanceSettings) {
	source := sqlds.NewDatasource(driver{&clickhouse.Options{
		Protocol: clickhouse.HTTP, Addr: []string{address}, Auth: clickhouse.Auth{Database: "mission_control", Username: "default"},
		Compression: &clickhouse.Compression{Method: method}, DialTimeout: 10 * time.Second, ReadTimeout: time.Minute,
	}})
	source.Interpolator = func(_ context.Context, q *sqlutil.Query, _ json.RawMessage) (string, error) {
		return interpolate(q.RawSQL, q)
	}
	settings := backend.DataSourceInstanceSettings{UID: "mission-control", Name: "mission-control", Type: "grafana-clickhouse-datasource", JSONData: []byte("{}")}
	if _, err := source.NewDatasource(context.Background(), settings); err != nil {
		log.Fatal(err)
	}
	return source, settings
}

func run(source *sqlds.SQLDatasource, settings backend.DataSourceInstanceSettings, j job) answer {
	a := answer{Name: j.Name, Frames: []frame{}}
	model, err := json.Marshal(map[string]any{"rawSql": frontend(j.Sql, j.Vars), "format": j.Format, "refId": "A"})
	if err != nil {
		a.Error = err.Error()
		return a
	}
	began := time.Now()
	reply, err := source.QueryData(context.Background(), &backend.QueryDataRequest{
		PluginContext: backend.PluginContext{DataSourceInstanceSettings: &settings},
		Queries: []backend.DataQuery{{
			RefID: "A", JSON: model, TimeRange: backend.TimeRange{From: j.From, To: j.To},
			Interval: time.Duration(j.IntervalMs) * time.Millisecond, MaxDataPoints: 1000,
		}},
	})
	a.Ms = float64(time.Since(began).Microseconds()) / 1000
	if err != nil {
		a.Error = err.Error()
		return a
	}
	response := reply.Responses["A"]
	if response.Error != nil {
		a.Error = response.Error.Error()
	}
	for _, f := range response.Frames {
		a.Sql = f.Meta.ExecutedQueryString
		if a.Error = unshown(f); a.Error != "" {
			break
		}
		a.Frames = append(a.Frames, shape(f, j.Rows))
	}
	return a
}

// unshown names a value of a frame that Grafana shows as "NaN" or infinity, which tells nobody anything: queries give null instead.
func unshown(f *data.Frame) string {
	for _, column := range f.Fields {
		for row := range column.Len() {
			if value, known := column.ConcreteAt(row); known {
				if number, real := value.(float64); real && (math.IsNaN(number) || math.IsInf(number, 0)) {
					return fmt.Sprintf("column %s, row %d: %v", column.Name, row, number)
				}
			}
		}
	}
	return ""
}

// shape is a frame's columns with the values of its first rows.
func shape(f *data.Frame, most int) frame {
	rows, err := f.RowLen()
	if err != nil {
		log.Fatal(err)
	}
	result := frame{Rows: rows, Schema: f.TimeSeriesSchema().Type.String(), Vis: string(f.Meta.PreferredVisualization), Fields: []field{}}
	for i, column := range f.Fields {
		values := []any{}
		for row := range min(rows, most) {
			values = append(values, f.At(i, row))
		}
		result.Fields = append(result.Fields, field{column.Name, column.Type().ItemTypeString(), column.Labels, values})
	}
	return result
}
