import { randn } from "dreamc";

randn([4, 1, 6]).slice(1, 1).flatten(0, 1); // ~ view-of-nothing
