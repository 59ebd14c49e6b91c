/** `deploy:` of a service: how many, with what resources, and how they follow one another. */
export interface DeployModel {
  readonly replicas?: number;
  readonly update_config?: UpdateModel;
  readonly rollback_config?: UpdateModel;
  readonly resources?: {
    readonly limits?: ResourceModel;
    readonly reservations?: ResourceModel;
  };
  readonly restart_policy?: {
    readonly condition?: string;
    readonly delay?: string;
    readonly max_attempts?: number;
    readonly window?: string;
  };
  readonly labels?: Readonly<Record<string, string>>;
  readonly [key: string]: unknown;
}

export interface UpdateModel {
  readonly parallelism?: number;
  readonly delay?: string;
  readonly failure_action?: string;
  readonly monitor?: string;
  readonly max_failure_ratio?: number;
  readonly order?: string;
}

export interface ResourceModel {
  readonly cpus?: string | number;
  readonly memory?: string;
  readonly pids?: number;
  readonly devices?: readonly unknown[];
}
