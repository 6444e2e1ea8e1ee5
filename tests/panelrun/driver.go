package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"net"
	"reflect"
	"regexp"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/grafana/grafana-plugin-sdk-go/data/sqlutil"
	"github.com/grafana/sqlds/v5"
	"github.com/shopspring/decimal"
)

type driver struct{ opt *clickhouse.Options }

func (d driver) Connect(ctx context.Context, _ backend.DataSourceInstanceSettings, _ json.RawMessage) (*sql.DB, error) {
	db := clickhouse.OpenDB(d.opt)
	return db, db.PingContext(ctx)
}
func (driver) Settings(context.Context, backend.DataSourceInstanceSettings) sqlds.DriverSettings {
	return sqlds.DriverSettings{Timeout: time.Minute, FillMode: &data.FillMissing{Mode: data.FillModeNull}}
}
func (driver) Macros() sqlds.Macros { return sqlds.Macros{} }

func conv[T any](re string, f, nf data.FieldType, to func(T) any) []sqlutil.Converter {
	if to == nil {
		to = func(v T) any { return v }
	}
	ptr := func(v any) any {
		p := reflect.New(reflect.TypeOf(v))
		p.Elem().Set(reflect.ValueOf(v))
		return p.Interface()
	}
	return []sqlutil.Converter{
		{Name: re, InputScanType: reflect.TypeFor[*T](), InputTypeRegex: regexp.MustCompile(`^(LowCardinality\()?(` + re + `)\)?$`),
			FrameConverter: sqlutil.FrameConverter{FieldType: f, ConverterFunc: func(in any) (any, error) { return to(*in.(*T)), nil }}},
		{Name: "Nullable " + re, InputScanType: reflect.TypeFor[**T](), InputTypeRegex: regexp.MustCompile(`^(LowCardinality\()?Nullable\((` + re + `)\)\)?$`),
			FrameConverter: sqlutil.FrameConverter{FieldType: nf, ConverterFunc: func(in any) (any, error) {
				if p := *in.(**T); p != nil {
					return ptr(to(*p)), nil
				}
				return nil, nil
			}}},
	}
}

func jsonConv(re string) sqlutil.Converter {
	return sqlutil.Converter{Name: re, InputScanType: reflect.TypeFor[any](), InputTypeRegex: regexp.MustCompile(re),
		FrameConverter: sqlutil.FrameConverter{FieldType: data.FieldTypeJSON, ConverterFunc: func(in any) (any, error) {
			b, err := json.Marshal(*in.(*any))
			return json.RawMessage(b), err
		}}}
}

func (driver) Converters() (c []sqlutil.Converter) {
	c = append(c, conv[uint8]("UInt8", data.FieldTypeUint8, data.FieldTypeNullableUint8, nil)...)
	c = append(c, conv[uint16]("UInt16", data.FieldTypeUint16, data.FieldTypeNullableUint16, nil)...)
	c = append(c, conv[uint32]("UInt32", data.FieldTypeUint32, data.FieldTypeNullableUint32, nil)...)
	c = append(c, conv[uint64]("UInt64", data.FieldTypeUint64, data.FieldTypeNullableUint64, nil)...)
	c = append(c, conv[int8]("Int8", data.FieldTypeInt8, data.FieldTypeNullableInt8, nil)...)
	c = append(c, conv[int16]("Int16", data.FieldTypeInt16, data.FieldTypeNullableInt16, nil)...)
	c = append(c, conv[int32]("Int32", data.FieldTypeInt32, data.FieldTypeNullableInt32, nil)...)
	c = append(c, conv[int64]("Int64", data.FieldTypeInt64, data.FieldTypeNullableInt64, nil)...)
	c = append(c, conv[float32]("Float32", data.FieldTypeFloat32, data.FieldTypeNullableFloat32, nil)...)
	c = append(c, conv[float64]("Float64", data.FieldTypeFloat64, data.FieldTypeNullableFloat64, nil)...)
	c = append(c, conv[bool]("Bool", data.FieldTypeBool, data.FieldTypeNullableBool, nil)...)
	c = append(c, conv[string](`String|FixedString\(\d+\)|Enum(?:8|16)\(.*\)`, data.FieldTypeString, data.FieldTypeNullableString, nil)...)
	c = append(c, conv[time.Time](`Date(?:32|Time)?(?:64)?(?:\(.*\))?`, data.FieldTypeTime, data.FieldTypeNullableTime, nil)...)
	c = append(c, conv[decimal.Decimal](`Decimal.*`, data.FieldTypeFloat64, data.FieldTypeNullableFloat64, func(d decimal.Decimal) any { f, _ := d.Float64(); return f })...)
	c = append(c, conv[net.IP](`IPv[46]`, data.FieldTypeString, data.FieldTypeNullableString, func(i net.IP) any { return i.String() })...)
	for _, re := range []string{`^Tuple\(`, `^Variant`, `^Dynamic`, `^JSON`, `^Array\(`, `^Map\(`, `^Nested\(`} {
		c = append(c, jsonConv(re))
	}
	return c
}
