/** The one entry of the contract: everything that crosses a boundary. */
export * from './catalogue/catalogue.ts';
export * from './catalogue/kind.ts';
export * from './event.ts';
export * from './reasons.ts';
export * from './scopes.ts';
