// Writes dashboards as TypeScript that compiles only where Grafana's published types know every key and every word of them.
// usage: node types.mjs FOLDER DASHBOARD.json…; makes FOLDER/DASHBOARD.ts of each
// Not in those types: a Prometheus query, and what Grafana's Prometheus data source reads of an annotation besides.
import fs from 'node:fs';
import path from 'node:path';

const PANELS = {
  heatmap: 'Heatmap', stat: 'Stat', 'state-timeline': 'StateTimeline', table: 'Table', timeseries: 'TimeSeries',
};
const text = (value) => JSON.stringify(value, null, 1);
const head = ["import type * as D from '@grafana/schema';"];
for (const [kind, name] of Object.entries(PANELS)) {
  const folder = kind.replace('-', '');
  head.push(`import type * as ${name} from '@grafana/schema/dist/esm/raw/composable/${folder}/panelcfg/x/${name}PanelCfg_types.gen';`);
}
head.push(`
// Enumerations become their words.
type J<T> = unknown extends T ? T : T extends string ? \`\${T}\` : T extends number | boolean | null | undefined ? T
  : T extends object ? { [K in keyof T]: J<T[K]> } : T;
type Query = {
  refId: string; datasource: D.DataSourceRef; expr: string; legendFormat: string; interval: string; instant: boolean;
  range: boolean; format: 'time_series' | 'heatmap' | 'table'; editorMode: 'code' | 'builder';
};
type Annotation = Omit<D.AnnotationQuery, 'target'> & { target: Partial<Query>; titleFormat: string; textFormat: string };
`);

function kindConfig(name) {
  return name === 'Stat' ? 'Record<string, never>' : `Partial<${name}.FieldConfig>`;
}

function claims(dashboard) {
  const body = [];
  const claim = (name, value, type) => body.push(`export const ${name} = ${text(value)} satisfies J<${type}>;`);
  const { panels, annotations, ...rest } = dashboard;
  claim('dashboard', rest, "Omit<D.Dashboard, 'panels' | 'annotations'>");
  annotations.list.forEach((one, i) => claim(`annotation${i}`, one, 'Annotation'));
  panels.forEach((panel, i) => {
    const p = `panel${i}`;
    if (panel.type === 'row') {
      claim(p, panel, 'D.RowPanel');
      return;
    }
    const name = PANELS[panel.type];
    if (!name) throw new Error(`"${panel.title}" is of type ${panel.type}, which is not checked yet`);
    const { options, fieldConfig, targets, ...frame } = panel;
    const { custom, ...defaults } = fieldConfig.defaults;
    claim(p, frame, 'D.Panel');
    claim(`${p}_options`, options, `Partial<${name}.Options>`);
    claim(`${p}_defaults`, defaults, 'D.FieldConfig');
    claim(`${p}_overrides`, fieldConfig.overrides, "D.FieldConfigSource['overrides']");
    if (custom) claim(`${p}_custom`, custom, kindConfig(name));
    targets.forEach((target, j) => claim(`${p}_query${j}`, target, 'Partial<Query>'));
  });
  return body;
}

const [folder, ...files] = process.argv.slice(2);
for (const file of files) {
  const typed = [...head, ...claims(JSON.parse(fs.readFileSync(file, 'utf8')))];
  fs.writeFileSync(path.join(folder, `${path.basename(file, '.json')}.ts`), `${typed.join('\n')}\n`);
}
