// What Grafana shows of panels: its own transformations, overrides and formats, of @grafana/data.
//
// Reads {library, panels: [{panel, answers: {refId: [{metric, values: [[seconds, number]]}]}}]} and
// writes a list of {columns, rows} for tables and bars, {values} for numbers, {legend} for the rest.
// What a cell links to is written with its row's values; variables stay as they are.

const { library, panels } = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
const grafana = require(library);
const { firstValueFrom } = require(require.resolve("rxjs", { paths: [library] }));

// Parts of a browser that are used after loading: the language, and who interpolates variables.
globalThis.navigator ??= { language: "en-US", languages: ["en-US"] };
globalThis.window ??= {};

const theme = grafana.createTheme();
const same = (value) => value;

// Some stand in the list under two names.
grafana.standardTransformersRegistry.setInit(() =>
  [...new Set(Object.values(grafana.standardTransformers))].map((each) => ({
    id: each.id,
    name: each.name,
    transformation: () => each,
  })),
);

// The properties that the dashboards override; in Grafana the panels register them.
const property = (id, path, process = same) => {
  const isCustom = path !== id;
  return { id, path, name: id, isCustom, shouldApply: () => true, process, override: process };
};
const custom = ["cellOptions", "lineStyle", "fillOpacity", "stacking"];
const registry = new grafana.Registry(() => [
  property("unit", "unit", grafana.unitOverrideProcessor),
  property("decimals", "decimals", grafana.numberOverrideProcessor),
  property("noValue", "noValue", grafana.stringOverrideProcessor),
  property("mappings", "mappings", grafana.valueMappingsOverrideProcessor),
  property("thresholds", "thresholds", grafana.thresholdsOverrideProcessor),
  property("links", "links", grafana.dataLinksOverrideProcessor),
  property("color", "color"),
  ...custom.map((path) => property(`custom.${path}`, path)),
]);

// As Grafana's data source for Prometheus does: one frame for each query whose format is `table`.
function tableFrame(target, answer, name) {
  const labels = [...new Set(answer.flatMap((series) => Object.keys(series.metric).sort()))];
  const last = answer.map((series) => series.values[series.values.length - 1]);
  const field = (name, type, values) => ({ name, type, values, config: {} });
  return {
    refId: target.refId,
    length: answer.length,
    fields: [
      field("Time", "time", last.map(([at]) => at * 1000)),
      ...labels.map((each) =>
        field(each, "string", answer.map((series) => series.metric[each] ?? "")),
      ),
      field(name, "number", last.map(([, value]) => Number(value))),
    ],
  };
}

// Otherwise one frame for each series, named by the legend; a label that is missing is left out.
function seriesFrame(target, series) {
  const displayNameFromDS =
    target.legendFormat === "__auto"
      ? undefined
      : target.legendFormat.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, label) => series.metric[label] ?? "");
  return {
    refId: target.refId,
    length: series.values.length,
    fields: [
      { name: "Time", type: "time", config: {}, values: series.values.map(([at]) => at * 1000) },
      {
        name: "Value",
        type: "number",
        labels: series.metric,
        config: { displayNameFromDS },
        values: series.values.map(([, value]) => Number(value)),
      },
    ],
  };
}

function framesOf(panel, answers) {
  const answered = panel.targets.filter((target) => answers[target.refId].length);
  return answered.flatMap((target) => {
    const answer = answers[target.refId];
    if (target.format !== "table") {
      return answer.map((series) => seriesFrame(target, series));
    }
    return [tableFrame(target, answer, answered.length > 1 ? `Value #${target.refId}` : "Value")];
  });
}

// `${__data.fields.name:format}`: a value of the row, and nothing for a column that is not there.
function replaceVariables(text, scope) {
  const context = scope?.__dataContext?.value;
  return text.replace(/\$\{__data\.fields\.(\w+)(?::\w+)?\}/g, (_, name) => {
    const found = grafana.getFieldDisplayValuesProxy(context)[name];
    return encodeURIComponent(found === undefined ? "" : String(found));
  });
}

async function show({ panel, answers }) {
  const context = { interpolate: same };
  const frames = framesOf(panel, answers);
  const transformed = await firstValueFrom(
    grafana.transformDataFrame(panel.transformations ?? [], frames, context),
  );
  const data = grafana.applyFieldOverrides({
    data: transformed,
    fieldConfig: panel.fieldConfig,
    fieldConfigRegistry: registry,
    replaceVariables,
    theme,
    timeZone: "utc",
  });
  if (panel.type === "stat") {
    const { reduceOptions } = panel.options;
    const shown = { fieldConfig: panel.fieldConfig, reduceOptions, replaceVariables, theme, data };
    return {
      values: grafana.getFieldDisplayValues({ ...shown, timeZone: "utc" }).map(({ display }) => ({
        title: display.title,
        text: grafana.formattedValueToString(display),
        color: display.color,
      })),
    };
  }
  if (panel.type === "table" || panel.type === "barchart") {
    return data.length ? tableOf(panel, data[0], data) : { columns: [], rows: [] };
  }
  const values = data.flatMap((frame) => frame.fields.filter((each) => each.type === "number"));
  return {
    legend: values.map((each) => {
      const frame = data.find(({ fields }) => fields.includes(each));
      return grafana.getFieldDisplayName(each, frame, data);
    }),
  };
}

function tableOf(panel, frame, data) {
  const columns = frame.fields.map((field) => grafana.getFieldDisplayName(field, frame, data));
  const rows = order(panel, frame, columns).map((row) => {
    const cells = frame.fields.map((field) => {
      const display = field.display(field.values[row]);
      const [link] = field.getLinks?.({ valueRowIndex: row }) ?? [];
      return {
        text: grafana.formattedValueToString(display),
        color: display.color,
        link: link?.href,
      };
    });
    return Object.fromEntries(columns.map((name, column) => [name, cells[column]]));
  });
  return { columns, rows };
}

// The numbers of the rows, as the table sorts them.
function order(panel, frame, columns) {
  const numbers = { name: "row", type: "number", config: {}, values: [...frame.fields[0].values.keys()] };
  const [by] = panel.options.sortBy ?? [];
  const column = columns.indexOf(by?.displayName);
  if (column < 0) {
    return numbers.values;
  }
  const fields = [frame.fields[column], numbers];
  return grafana.sortDataFrame({ fields, length: frame.length }, 0, by.desc).fields[1].values;
}

Promise.all(panels.map(show)).then((shown) => process.stdout.write(JSON.stringify(shown)));
