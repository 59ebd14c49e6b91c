/** What is used of Microsoft's packages, in one file: so that a bundle leaves the rest of them out. */
export {
  ClientSecretCredential,
  DefaultAzureCredential,
  ManagedIdentityCredential,
} from "@azure/identity";
export { SecretClient } from "@azure/keyvault-secrets";
