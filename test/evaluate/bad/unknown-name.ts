// biome-ignore lint: the name is misspelt on purpose
declare const console: any;
consol.log("hello"); // ~ unknown-name
