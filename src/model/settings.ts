import type { Secret } from "./secret.ts";

/** A part of dso.yaml as it was written. Credentials are `Secret`s: nothing here prints one. */
export type Setting = null | boolean | number | string | Secret | readonly Setting[] | Settings;
export interface Settings {
  readonly [key: string]: Setting;
}
