const Base = 5;
// biome-ignore lint: a number is no class
class Derived extends (Base as any) {} // ~ not-a-class
