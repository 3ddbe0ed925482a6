// ~ nothing-launched (no place)
import { DreamTrainerConfig } from "dreamc";

DreamTrainerConfig();
