//// Fulcio's certificate extensions, 1.3.6.1.4.1.57264.1.1 to .24, by name.

pub type Claim {
  IssuerV1
  GithubWorkflowTrigger
  GithubWorkflowSha
  GithubWorkflowName
  GithubWorkflowRepository
  GithubWorkflowRef
  Issuer
  BuildSignerUri
  BuildSignerDigest
  RunnerEnvironment
  SourceRepositoryUri
  SourceRepositoryDigest
  SourceRepositoryRef
  SourceRepositoryIdentifier
  SourceRepositoryOwnerUri
  SourceRepositoryOwnerIdentifier
  BuildConfigUri
  BuildConfigDigest
  BuildTrigger
  RunInvocationUri
  SourceRepositoryVisibility
  DeploymentEnvironment
  TokenSubject
}
