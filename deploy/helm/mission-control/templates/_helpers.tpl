{{- define "mc.name" -}}
{{- default .Release.Name .Values.nameOverride | trunc 50 | trimSuffix "-" -}}
{{- end }}

{{- define "mc.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{- define "mc.selector" -}}
app.kubernetes.io/name: mission-control
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .role }}
{{- end }}

{{- define "mc.labels" -}}
{{ include "mc.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}

{{- /* Names under which our services are asked for: requests with another Host are refused. */ -}}
{{- define "mc.hosts" -}}
{{- $name := include "mc.name" . -}}
{{- $hosts := list -}}
{{- range $role := list "collect" "serve" -}}
{{- $service := printf "%s-%s" $name $role -}}
{{- $hosts = concat $hosts (list $service (printf "%s.%s" $service $.Release.Namespace) (printf "%s.%s.svc" $service $.Release.Namespace) (printf "%s.%s.svc.cluster.local" $service $.Release.Namespace)) -}}
{{- end -}}
{{- range list .Values.ingress.consoleHost .Values.ingress.otlpHost -}}
{{- if . }}{{ $hosts = append $hosts . }}{{ end -}}
{{- end -}}
{{- concat $hosts (.Values.settings.allowed_hosts | default list) | uniq | toJson -}}
{{- end }}

{{- /* Every setting of the values, then those that the chart knows better, then secrets. */ -}}
{{- define "mc.env" -}}
{{- $name := include "mc.name" . -}}
{{- $given := omit (deepCopy .Values.settings) "allowed_hosts" -}}
{{- if .Values.strimzi.enabled }}{{ $_ := set $given "kafka_bootstrap_servers" (printf "%s-kafka-bootstrap:9092" $name) }}{{ end -}}
{{- if .Values.tls.kafkaSecret -}}
{{- $_ := set $given "kafka_ca_file" "/etc/mission-control/kafka/ca.crt" -}}
{{- end -}}
{{- if .Values.tls.serverSecret -}}
{{- $_ := set $given "tls_cert_file" "/etc/mission-control/tls/tls.crt" -}}
{{- $_ := set $given "tls_key_file" "/etc/mission-control/tls/tls.key" -}}
{{- end -}}
{{- if .Values.tls.clickhouseSecret }}{{ $_ := set $given "clickhouse_ca_file" "/etc/mission-control/clickhouse/ca.crt" }}{{ end -}}
{{- if and .Values.altinity.enabled (gt (mul .Values.altinity.shards .Values.altinity.replicas) 1) }}{{ $_ := set $given "clickhouse_cluster" "main" }}{{ end -}}
- name: MISSION_CONTROL_ALLOWED_HOSTS
  value: {{ include "mc.hosts" . | quote }}
{{- range $setting, $value := $given }}
- name: MISSION_CONTROL_{{ upper $setting }}
  value: {{ if kindIs "string" $value }}{{ quote $value }}{{ else }}{{ toJson $value | quote }}{{ end }}
{{- end }}
{{- range $setting := list "api_key" "clickhouse_url" "clickhouse_password" "kafka_password" "sentry_dsn" }}
- name: MISSION_CONTROL_{{ upper $setting }}
  valueFrom:
    secretKeyRef:
      name: {{ $.Values.secrets.existingSecret }}
      key: {{ $setting }}
      optional: {{ not (has $setting (list "api_key" "clickhouse_url")) }}
{{- end }}
{{- end }}

{{- define "mc.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "mc.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "mc.mounts" -}}
- {name: data, mountPath: {{ .Values.settings.data_dir | default "/var/lib/mission-control" }}}
- {name: tmp, mountPath: /tmp}
{{- if .Values.tls.serverSecret }}
- {name: tls, mountPath: /etc/mission-control/tls, readOnly: true}
{{- end }}
{{- if .Values.tls.kafkaSecret }}
- {name: kafka-tls, mountPath: /etc/mission-control/kafka, readOnly: true}
{{- end }}
{{- if .Values.tls.clickhouseSecret }}
- {name: clickhouse-tls, mountPath: /etc/mission-control/clickhouse, readOnly: true}
{{- end }}
{{- end }}

{{- define "mc.volumes" -}}
- {name: data, emptyDir: {}}
- {name: tmp, emptyDir: {}}
{{- if .Values.tls.serverSecret }}
- {name: tls, secret: {secretName: {{ .Values.tls.serverSecret }}}}
{{- end }}
{{- if .Values.tls.kafkaSecret }}
- {name: kafka-tls, secret: {secretName: {{ .Values.tls.kafkaSecret }}}}
{{- end }}
{{- if .Values.tls.clickhouseSecret }}
- {name: clickhouse-tls, secret: {secretName: {{ .Values.tls.clickhouseSecret }}}}
{{- end }}
{{- end }}

{{- /* What probes and scrapes speak. Requests that name another Host than ours are refused, probes by address too. */ -}}
{{- define "mc.scheme" -}}
{{ ternary "HTTPS" "HTTP" (not (empty (or .Values.tls.serverSecret .Values.settings.tls_cert_file))) }}
{{- end }}

{{- define "mc.probe" -}}
{path: {{ .path }}, port: http, scheme: {{ include "mc.scheme" .root }}, httpHeaders: [{name: Host, value: localhost}]}
{{- end }}

{{- /* Ports of a role: name, number. */ -}}
{{- define "mc.ports" -}}
{{- $ports := dict "http" (.root.Values.settings.port | default 8000 | int) -}}
{{- if eq .role "collect" -}}
{{- $_ := set $ports "otlp-grpc" (.root.Values.settings.otlp_grpc_port | default 4317 | int) -}}
{{- $_ := set $ports "otlp-http" (.root.Values.settings.otlp_http_port | default 4318 | int) -}}
{{- else if eq .role "serve" -}}
{{- $_ := set $ports "sql" (.root.Values.settings.sql_port | default 8123 | int) -}}
{{- end -}}
{{- toJson $ports -}}
{{- end }}
