// Small checkers for the shapes of JSON values. Each takes (value, path) and throws a 400 that
// names the path, in the words of the real service's own validation.

import { invalid } from "./errors.mjs";

export const isObject = (v) => v !== null && typeof v === "object" && !Array.isArray(v);

export function string(value, path) {
  if (typeof value !== "string") throw invalid(`${path}: Input should be a valid string`);
}

export function boolean(value, path) {
  if (typeof value !== "boolean") throw invalid(`${path}: Input should be a valid boolean`);
}

export function array(value, path) {
  if (!Array.isArray(value)) throw invalid(`${path}: Input should be a valid list`);
}

export function integer(least) {
  return (value, path) => {
    if (!Number.isInteger(value)) throw invalid(`${path}: Input should be a valid integer`);
    if (value < least) {
      throw invalid(`${path}: Input should be greater than or equal to ${least}`);
    }
  };
}

export function oneOf(...words) {
  return (value, path) => {
    if (words.includes(value)) return;
    throw invalid(`${path}: Input should be ${words.map((w) => `'${w}'`).join(" or ")}`);
  };
}

export function matching(pattern) {
  return (value, path) => {
    string(value, path);
    if (!pattern.test(value)) {
      throw invalid(`${path}: String should match pattern '${pattern.source}'`);
    }
  };
}

export function objectWith(shape) {
  return (value, path) => fields(value, shape, path);
}

/** Checks an object's fields against {name: checker}; "name?" is optional and may be null. */
export function fields(value, shape, path) {
  if (!isObject(value)) throw invalid(`${path}: Input should be a valid dictionary or object`);
  const at = path === "" ? "" : `${path}.`;
  for (const key in shape) {
    const optional = key.endsWith("?");
    const name = optional ? key.slice(0, -1) : key;
    const given = value[name];
    if (given !== undefined && !(optional && given === null)) shape[key](given, at + name);
    else if (!optional) throw invalid(`${at}${name}: Field required`);
  }
  for (const name in value) {
    if (!Object.hasOwn(shape, name) && !Object.hasOwn(shape, `${name}?`)) {
      throw invalid(`${at}${name}: Extra inputs are not permitted`);
    }
  }
}
