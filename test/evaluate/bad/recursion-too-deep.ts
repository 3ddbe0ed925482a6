const down = (n: number): number => down(n + 1); // ~ recursion-too-deep
down(0);
