/** Made from schemas/plan.schema.json by `node script/schemas.ts`. */
declare const validate: (data: unknown) => boolean;
export default validate;
