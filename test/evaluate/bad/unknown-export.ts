import { Linera } from "dreamc"; // ~ unknown-export

new Linera(1, 2);
