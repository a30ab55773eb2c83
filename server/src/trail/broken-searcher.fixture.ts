/** A searcher that cannot be loaded. */
throw new Error('this searcher cannot be loaded');
