/** Absolute path of the repository, found from the package itself. */
export declare const repositoryRoot: string;
/** Absolute path of a file or folder of the repository. */
export declare function repositoryPath(...parts: string[]): string;
/** Every file below `directory` whose name ends in `suffix`, absolute, sorted. Empty when there is no such folder. */
export declare function filesBelow(directory: string, suffix: string): string[];
//# sourceMappingURL=repository.d.ts.map
