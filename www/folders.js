// Where builds are. There are two, so that no test build is published or embedded in a release daemon by accident: the real
// one (`dist`: optimised, and shrunk by wasm-opt), and with PETREL_BUILD=test the one of the tests (`dist-test`: the wasm module
// as cargo's dev profile makes it). Both have the same files. `.xtask/src/www.rs` makes them.

const { PETREL_BUILD: build = '' } = process.env;
if (build !== '' && build !== 'test') throw new Error(`PETREL_BUILD is ${JSON.stringify(build)}; it may be "test" or unset`);

/** Whether this is the build of the tests. */
export const isTest = build === 'test';

const folder = (name) => new URL(`${name}${isTest ? '-test' : ''}/`, import.meta.url);

/** The output of wasm-bindgen: the node's module. */
export const wasm = folder('package/pkg');
/** The output of wasm-bindgen: the module of `petrel/verify`. */
export const verifyWasm = folder('package/pkg-verify');
/** The npm package. */
export const packageDist = folder('package/dist');
/** The light-client page. */
export const pageDist = folder('page/dist');
