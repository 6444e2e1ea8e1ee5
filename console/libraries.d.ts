import type { VNode } from 'preact';

export { render } from 'preact';
export { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
export { batch, computed, effect, signal, type Signal, type ReadonlySignal } from '@preact/signals';
export function html(strings: TemplateStringsArray, ...values: unknown[]): VNode;
