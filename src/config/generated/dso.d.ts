/** Made from schemas/dso.schema.json by `node script/schemas.ts`. */
import type { SchemaValidator } from "../schemaError.ts";

declare const validate: SchemaValidator;
export default validate;
