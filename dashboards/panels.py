"""The house styles: one function per kind of panel. Each takes a title, what it shows, its SQL and its unit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from grafana_foundation_sdk.models import bargauge, common, dashboard, logs, nodegraph, stat, statetimeline, table, timeseries

from dashboards.query import Format, Query, source

GREEN, YELLOW, RED, BLUE, GREY, PURPLE = "green", "yellow", "red", "blue", "#8e8e8e", "purple"
STATUS_COLORS: Final = {
    "running": BLUE, "complete": GREEN, "error": RED, "paused": YELLOW, "cancelled": GREY,
    "connected": GREEN, "disconnected": RED, "firing": RED, "pending": YELLOW, "resolved": GREEN,
    "ERROR": RED, "WARN": YELLOW, "INFO": GREEN, "DEBUG": GREY, "critical": RED, "high": RED, "medium": YELLOW, "low": BLUE, "info": GREY,
}  # fmt: skip


STATES: Final = ("complete", "running", "paused", "cancelled", "error")
"""Statuses by number, because only numbers become lines of a state timeline."""
STATE: Final = f"indexOf({list(STATES)}, toString(status))"
"""A row's status as such a number, from 1; the worst of several is the largest."""


@dataclass(frozen=True)
class Column:
    """How one column or series differs from the others of its panel: `name` is its name or, between slashes, a pattern."""

    name: str
    unit: str = ""
    links: Sequence[dashboard.DashboardLink] = ()
    colored: bool = False
    """By the words of STATUS_COLORS."""
    gauge: bool = False
    width: int = 0
    thresholds: Sequence[float] = ()


@dataclass(frozen=True)
class Look:
    """`thresholds` are where yellow and then red begin; falling ones mean that less is worse."""

    unit: str = "short"
    thresholds: Sequence[float] = ()
    links: Sequence[dashboard.DashboardLink] = ()
    columns: Sequence[Column] = ()
    low: float | None = None
    high: float | None = None
    custom: object = field(default=None)


def _thresholds(levels: Sequence[float]) -> dashboard.ThresholdsConfig:
    falling = len(levels) > 1 and levels[0] > levels[-1]
    colors = [RED, YELLOW, GREEN] if falling else [GREEN, YELLOW, RED] if len(levels) > 1 else [GREEN, RED]
    steps = [dashboard.Threshold(color=colors[0])]
    steps += [dashboard.Threshold(value=value, color=color) for value, color in zip(sorted(levels), colors[1:], strict=False)]
    return dashboard.ThresholdsConfig(mode=dashboard.ThresholdsMode.ABSOLUTE, steps=steps)


def _word_colors() -> list[dashboard.ValueMapping]:
    return [
        dashboard.ValueMap(
            options={word: dashboard.ValueMappingResult(color=color, index=i) for i, (word, color) in enumerate(STATUS_COLORS.items())}
        )
    ]


def _override(column: Column) -> dashboard.DashboardFieldConfigSourceOverrides:
    wanted: dict[str, object] = {}
    if column.unit:
        wanted["unit"] = column.unit
    if column.links:
        wanted["links"] = list(column.links)
    if column.colored:
        wanted["mappings"] = _word_colors()
        wanted["custom.cellOptions"] = {"type": "color-text"}
    if column.gauge:
        wanted["custom.cellOptions"] = {"type": "gauge", "mode": "basic"}
        wanted["color"] = dashboard.FieldColor(mode=dashboard.FieldColorModeId.CONTINUOUS_BL_PU)
    if column.thresholds:
        wanted["thresholds"] = _thresholds(column.thresholds)
        wanted["custom.cellOptions"] = {"type": "color-text"}
    if column.width:
        wanted["custom.width"] = column.width
    by_pattern = column.name.startswith("/")
    return dashboard.DashboardFieldConfigSourceOverrides(
        matcher=dashboard.MatcherConfig(id_val="byRegexp" if by_pattern else "byName", options=column.name),
        properties=[dashboard.DynamicConfigValue(id_val=name, value=value) for name, value in wanted.items()],
    )


def panel(kind: str, title: str, description: str, queries: Sequence[Query], look: Look, options: object) -> dashboard.Panel:
    """Any kind of panel; ids and places come with the board."""
    color = dashboard.FieldColorModeId.THRESHOLDS if kind in ("stat", "bargauge") else dashboard.FieldColorModeId.PALETTE_CLASSIC
    defaults = dashboard.FieldConfig(
        unit=look.unit, thresholds=_thresholds(look.thresholds), color=dashboard.FieldColor(mode=color),
        links=list(look.links) or None, custom=look.custom, min_val=look.low, max_val=look.high,
    )  # fmt: skip
    config = dashboard.FieldConfigSource(defaults=defaults, overrides=[_override(column) for column in look.columns])
    return dashboard.Panel(
        type_val=kind,
        title=title,
        description=description,
        datasource=source(),
        targets=list(queries),
        options=options,
        field_config=config,
    )


def _legend(calcs: Sequence[str] = ()) -> common.VizLegendOptions:
    mode = common.LegendDisplayMode.TABLE if calcs else common.LegendDisplayMode.LIST
    return common.VizLegendOptions(display_mode=mode, placement=common.LegendPlacement.BOTTOM, show_legend=True, calcs=list(calcs))


def _tooltip() -> common.VizTooltipOptions:
    return common.VizTooltipOptions(mode=common.TooltipDisplayMode.MULTI, sort=common.SortOrder.DESCENDING)


def series(title: str, description: str, sql: str, look: Look, stacked: bool = False, calcs: Sequence[str] = ()) -> dashboard.Panel:
    """Lines over time: `sql` gives `time`, at most some words, and one or more numbers, sorted by time."""
    custom = common.GraphFieldConfig(
        draw_style=common.GraphDrawStyle.BARS if stacked else common.GraphDrawStyle.LINE,
        fill_opacity=70 if stacked else 10,
        show_points=common.VisibilityMode.AUTO,
        span_nulls=False,
        stacking=common.StackingConfig(mode=common.StackingMode.NORMAL if stacked else common.StackingMode.NONE, group="A"),
        thresholds_style=common.GraphThresholdsStyleConfig(
            mode=common.GraphThresholdsStyleMode.DASHED if look.thresholds else common.GraphThresholdsStyleMode.OFF
        ),
    )
    drawn = Look(look.unit, look.thresholds, look.links, look.columns, 0 if look.low is None else look.low, look.high, custom)
    options = timeseries.Options(legend=_legend(calcs), tooltip=_tooltip())
    return panel("timeseries", title, description, [Query(sql, Format.TIME_SERIES)], drawn, options)


def _last(values: bool = False) -> common.ReduceDataOptions:
    return common.ReduceDataOptions(values=values, calcs=["lastNotNull"], fields="")


def figure(title: str, description: str, sql: str, look: Look) -> dashboard.Panel:
    """One row of one or more numbers, each shown large."""
    options = stat.Options(
        graph_mode=common.BigValueGraphMode.NONE, color_mode=common.BigValueColorMode.VALUE, justify_mode=common.BigValueJustifyMode.AUTO,
        text_mode=common.BigValueTextMode.AUTO, reduce_options=_last(), orientation=common.VizOrientation.AUTO,
    )  # fmt: skip
    return panel("stat", title, description, [Query(sql, Format.TABLE)], look, options)


def rows(title: str, description: str, sql: str, look: Look) -> dashboard.Panel:
    """A table, one line for each row."""
    footer = common.TableFooterOptions(show=False, reducer=["sum"])
    options = table.Options(show_header=True, cell_height=common.TableCellHeight.SM, footer=footer)
    drawn = Look(look.unit, look.thresholds, look.links, look.columns, look.low, look.high, {"filterable": True, "align": "auto"})
    return panel("table", title, description, [Query(sql, Format.TABLE)], drawn, options)


def bars(title: str, description: str, sql: str, look: Look) -> dashboard.Panel:
    """One bar for each row: a word and a number."""
    options = bargauge.Options(
        display_mode=common.BarGaugeDisplayMode.BASIC, value_mode=common.BarGaugeValueMode.TEXT, orientation=common.VizOrientation.HORIZONTAL,
        reduce_options=_last(values=True), name_placement=common.BarGaugeNamePlacement.AUTO, sizing=common.BarGaugeSizing.AUTO,
    )  # fmt: skip
    return panel("bargauge", title, description, [Query(sql, Format.TABLE)], look, options)


def states(title: str, description: str, sql: str, look: Look) -> dashboard.Panel:
    """A line of coloured stretches for each name: `sql` gives `time`, a name and a number of STATES."""
    options = statetimeline.Options(
        show_value=common.VisibilityMode.NEVER, row_height=0.85, merge_values=True, legend=_legend(), tooltip=_tooltip(), per_page=30
    )
    drawn = Look(look.unit, look.thresholds, look.links, look.columns, look.low, look.high, statetimeline.FieldConfig(fill_opacity=75))
    result = panel("state-timeline", title, description, [Query(sql, Format.TIME_SERIES)], drawn, options)
    assert result.field_config is not None
    assert result.field_config.defaults is not None
    shown = {str(i): dashboard.ValueMappingResult(text=word, color=STATUS_COLORS[word], index=i) for i, word in enumerate(STATES, 1)}
    result.field_config.defaults.mappings = [dashboard.ValueMap(options=shown)]
    return result


def log_lines(title: str, description: str, sql: str) -> dashboard.Panel:
    """`sql` gives `timestamp`, `body`, `level`, and whatever else becomes labels; the newest first."""
    options = logs.Options(
        show_time=True, wrap_log_message=True, enable_log_details=True, sort_order=common.LogsSortOrder.DESCENDING,
        dedup_strategy=common.LogsDedupStrategy.NONE, show_labels=False, prettify_log_message=False,
    )  # fmt: skip
    return panel("logs", title, description, [Query(sql, Format.LOGS)], Look("none"), options)


def waterfall(title: str, description: str, sql: str) -> dashboard.Panel:
    """The spans of one trace."""
    return panel("traces", title, description, [Query(sql, Format.TRACES)], Look("ms"), {})


def flames(title: str, description: str, sql: str) -> dashboard.Panel:
    """`sql` gives `label`, `level`, `value`, `self` in depth-first order."""
    look = Look("ns", columns=[Column("value", unit="ns"), Column("self", unit="ns")])
    return panel("flamegraph", title, description, [Query(sql, Format.TABLE)], look, {})


def graph(title: str, description: str, nodes: str, edges: str, units: Mapping[str, str]) -> dashboard.Panel:
    """Nodes and the edges between them; `units` are those of `node` and `edge` main figures."""
    options = nodegraph.Options(
        nodes=nodegraph.NodeOptions(
            main_stat_unit=units["node"],
            arcs=[nodegraph.ArcOption(field="arc__ok", color=GREEN), nodegraph.ArcOption(field="arc__failed", color=RED)],
        ),
        edges=nodegraph.EdgeOptions(main_stat_unit=units["edge"]),
        zoom_mode=nodegraph.ZoomMode.COOPERATIVE,
    )
    queries = [Query(nodes, Format.TABLE, "nodes"), Query(edges, Format.TABLE, "edges")]
    return panel("nodeGraph", title, description, queries, Look("short"), options)
