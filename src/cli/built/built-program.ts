// What a program that `acton build` has made is told of itself by its entry.

export interface BuiltProgram {
  readonly name: string;
  readonly version: string;
  /** The file of the application module, as errors name it. */
  readonly module: string;
  /** Its own config says where its socket is. */
  readonly saysSocketPath: boolean;
  /** Runs the module, which only what needs the application pays for. Resolves to its default export. */
  readonly load: () => Promise<unknown>;
}
