//! Build provenance, typed: one model for SLSA v0.2 (<https://slsa.dev/spec/v0.2/provenance>), v1
//! (<https://slsa.dev/spec/v1.2/build-provenance>) and the draft of v1 that was in use before it.

use serde_json::Value;

use crate::error::{Fault, Result, quote};
use crate::fields::{Fields, Object};
use crate::limits::Limits;
use crate::resource::{DigestSet, ResourceDescriptor, read_digests};
use crate::statement::Statement;

/// A version of the provenance predicate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `https://slsa.dev/provenance/v0.2`
    V0_2,
    /// `https://slsa.dev/provenance/v1.0?draft`
    V1Draft,
    /// `https://slsa.dev/provenance/v1`
    V1,
}

impl Format {
    /// The predicate type.
    #[must_use]
    pub const fn uri(self) -> &'static str {
        match self {
            Self::V0_2 => "https://slsa.dev/provenance/v0.2",
            Self::V1Draft => "https://slsa.dev/provenance/v1.0?draft",
            Self::V1 => "https://slsa.dev/provenance/v1",
        }
    }

    /// The format of that predicate type.
    #[must_use]
    pub fn from_uri(uri: &str) -> Option<Self> {
        [Self::V0_2, Self::V1Draft, Self::V1].into_iter().find(|f| f.uri() == uri)
    }
}

/// A provenance. Fields that the specification does not know are ignored, except among the external parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Provenance {
    /// Which predicate it was read from.
    pub format: Format,
    /// How to understand its parameters.
    pub build_type: String,
    /// Who built.
    pub builder: Builder,
    /// What outsiders had a say in. v0.2: `invocation.parameters`.
    pub external_parameters: Object,
    /// What the builder set. v0.2: `invocation.environment`; draft: `systemParameters`.
    pub internal_parameters: Object,
    /// What went in. v0.2: `materials`.
    pub resolved_dependencies: Vec<ResourceDescriptor>,
    /// v0.2's `invocation.configSource`: where the build's definition is.
    pub config_source: Option<ConfigSource>,
    /// v0.2's `buildConfig`: the steps, where the build type lists them.
    pub build_config: Object,
    /// About this run.
    pub metadata: Metadata,
    /// What came out besides the subjects.
    pub byproducts: Vec<ResourceDescriptor>,
}

/// Who built.
#[derive(Debug, Clone, PartialEq)]
pub struct Builder {
    /// The URI of the build platform.
    pub id: String,
    /// Versions of its components.
    pub version: Vec<(String, String)>,
    /// What the platform itself depends on.
    pub dependencies: Vec<ResourceDescriptor>,
}

/// Where the build's definition is (v0.2).
#[derive(Debug, Clone, PartialEq)]
pub struct ConfigSource {
    /// The repository and ref.
    pub uri: Option<String>,
    /// The commit.
    pub digest: DigestSet,
    /// The file or job.
    pub entry_point: Option<String>,
}

/// About one run of a build. What the builder says of itself; nothing here is verified.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// Which run.
    pub invocation_id: Option<String>,
    /// When it began, as written.
    pub started_on: Option<String>,
    /// When it ended, as written.
    pub finished_on: Option<String>,
    /// v0.2: whether the parameters are said to be complete.
    pub parameters_complete: bool,
    /// v0.2: whether the build is said to be reproducible.
    pub reproducible: bool,
}

impl Provenance {
    /// Reads the predicate of a statement.
    ///
    /// # Errors
    /// `predicate_unsupported` for another predicate type, and for Google Cloud Build and BCID; `predicate_invalid`;
    /// `input_too_large`.
    pub fn from_statement(statement: &Statement, limits: &Limits) -> Result<Self> {
        Self::from_predicate(&statement.predicate_type, statement.predicate.clone(), limits)
    }

    /// The parameters are most of a predicate: they are moved, not copied.
    pub(crate) fn from_predicate(predicate_type: &str, mut predicate: Object, limits: &Limits) -> Result<Self> {
        let format = Format::from_uri(predicate_type).ok_or_else(|| unsupported(predicate_type, ""))?;
        let (parent, external, internal) = match format {
            Format::V0_2 => ("invocation", "parameters", "environment"),
            Format::V1Draft => ("buildDefinition", "externalParameters", "systemParameters"),
            Format::V1 => ("buildDefinition", "externalParameters", "internalParameters"),
        };
        let mut take = |key: &str| predicate.get_mut(parent).and_then(|v| v.get_mut(key)).map(Value::take);
        let (external_value, internal_value) = (take(external), take(internal));
        let fields = Fields::predicate(&predicate, "predicate", limits);
        let provenance = match format {
            Format::V0_2 => read_v0_2(fields)?,
            Format::V1Draft | Format::V1 => read_v1(fields, format)?,
        };
        if is_foreign(&provenance.build_type) || is_foreign(&provenance.builder.id) {
            return Err(unsupported(predicate_type, &provenance.build_type));
        }
        let object = |key: &str, value: Option<Value>| match value {
            None | Some(Value::Null) => Ok(Object::new()),
            Some(Value::Object(object)) if format == Format::V1Draft => Ok(unwrapped(object)),
            Some(Value::Object(object)) => Ok(object),
            Some(_) => Err(fields.invalid(&format!("{parent}.{key}"), "not an object")),
        };
        Ok(Self {
            external_parameters: object(external, external_value)?,
            internal_parameters: object(internal, internal_value)?,
            ..provenance
        })
    }
}

/// Formats whose trust does not come from a Sigstore identity, so that reading them alone would say too much.
pub(crate) fn is_foreign(uri: &str) -> bool {
    const FOREIGN: [&str; 5] = [
        "https://cloudbuild.googleapis.com/",
        "https://slsa-framework.github.io/gcb-buildtypes/",
        "https://cloud.google.com/build/gcb-buildtypes/",
        "https://bcid.corp.google.com/",
        "https://gcb.googleapis.com/",
    ];
    FOREIGN.iter().any(|prefix| uri.starts_with(prefix))
}

pub(crate) fn unsupported(predicate_type: &str, build_type: &str) -> crate::Error {
    let predicate_type = quote(predicate_type);
    Fault::PredicateUnsupported { predicate_type, build_type: quote(build_type) }.into()
}

fn read_v1(fields: Fields<'_>, format: Format) -> Result<Provenance> {
    let (definition, run) = (fields.path("buildDefinition"), fields.path("runDetails"));
    let definition = fields.within(fields.object("buildDefinition")?, &definition);
    let run = fields.within(fields.object("runDetails")?, &run);
    let builder = run.path("builder");
    let builder = run.within(run.object("builder")?, &builder);
    let metadata = run.path("metadata");
    let metadata = run.within(run.object("metadata")?, &metadata);
    Ok(Provenance {
        format,
        build_type: definition.required("buildType")?.to_owned(),
        builder: Builder {
            id: builder.required("id")?.to_owned(),
            version: builder.texts("version")?,
            dependencies: builder.resources("builderDependencies")?,
        },
        external_parameters: Object::new(),
        internal_parameters: Object::new(),
        resolved_dependencies: definition.resources("resolvedDependencies")?,
        config_source: None,
        build_config: Object::new(),
        metadata: Metadata {
            invocation_id: metadata.scalar("invocationId")?,
            started_on: metadata.text("startedOn")?.map(str::to_owned),
            finished_on: metadata.text("finishedOn")?.map(str::to_owned),
            parameters_complete: false,
            reproducible: false,
        },
        byproducts: run.resources("byproducts")?,
    })
}

/// The draft wrapped every parameter: `{"value": …}` or `{"artifact": …}`.
fn unwrapped(object: Object) -> Object {
    let inner = |value: Value| match value {
        Value::Object(mut wrapper) if wrapper.len() == 1 => {
            let inner = wrapper.remove("value").or_else(|| wrapper.remove("artifact"));
            inner.unwrap_or(Value::Object(wrapper))
        }
        other => other,
    };
    object.into_iter().map(|(key, value)| (key, inner(value))).collect()
}

fn read_v0_2(fields: Fields<'_>) -> Result<Provenance> {
    let at = fields.path("builder");
    let builder = fields.within(fields.object("builder")?, &at);
    let at = fields.path("invocation");
    let invocation = fields.within(fields.object("invocation")?, &at);
    let at = fields.path("metadata");
    let metadata = fields.within(fields.object("metadata")?, &at);
    Ok(Provenance {
        format: Format::V0_2,
        build_type: fields.required("buildType")?.to_owned(),
        builder: Builder { id: builder.required("id")?.to_owned(), version: Vec::new(), dependencies: Vec::new() },
        external_parameters: Object::new(),
        internal_parameters: Object::new(),
        resolved_dependencies: fields.resources("materials")?,
        config_source: read_config_source(invocation)?,
        build_config: fields.object("buildConfig")?.clone(),
        metadata: read_v0_2_metadata(metadata)?,
        byproducts: Vec::new(),
    })
}

fn read_config_source(invocation: Fields<'_>) -> Result<Option<ConfigSource>> {
    let object = invocation.object("configSource")?;
    let at = invocation.path("configSource");
    let fields = invocation.within(object, &at);
    let source = ConfigSource {
        uri: fields.text("uri")?.map(str::to_owned),
        digest: read_digests(fields)?,
        entry_point: fields.text("entryPoint")?.map(str::to_owned),
    };
    Ok((!object.is_empty()).then_some(source))
}

/// The specification says `buildInvocationId`; the Go library that most generators use says `buildInvocationID`.
fn read_v0_2_metadata(metadata: Fields<'_>) -> Result<Metadata> {
    let (specified, usual) = (metadata.scalar("buildInvocationId")?, metadata.scalar("buildInvocationID")?);
    if specified.is_some() && usual.is_some() && specified != usual {
        return Err(metadata.invalid("buildInvocationId", "stands there twice, with two values"));
    }
    let at = metadata.path("completeness");
    let completeness = metadata.within(metadata.object("completeness")?, &at);
    Ok(Metadata {
        invocation_id: specified.or(usual),
        started_on: metadata.text("buildStartedOn")?.map(str::to_owned),
        finished_on: metadata.text("buildFinishedOn")?.map(str::to_owned),
        parameters_complete: completeness.flag("parameters")?,
        reproducible: metadata.flag("reproducible")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(predicate_type: &str, predicate: &Value) -> Result<Provenance> {
        let document = json!({
            "_type": "https://in-toto.io/Statement/v1", "predicateType": predicate_type, "predicate": predicate,
            "subject": [{"name": "a", "digest": {"sha256": "a".repeat(64)}}]
        });
        let limits = Limits::default();
        Provenance::from_statement(&Statement::from_value(&document, &limits)?, &limits)
    }

    fn v1(build_type: &str, builder: &str) -> Value {
        json!({"buildDefinition": {"buildType": build_type}, "runDetails": {"builder": {"id": builder}}})
    }

    #[test]
    fn unknown_fields_are_ignored_and_empty_ones_unset() {
        let bare = read(Format::V1.uri(), &v1("t", "b")).unwrap();
        let mut full = v1("t", "b");
        full["buildDefinition"]["externalParameters"] = Value::Null;
        full["buildDefinition"]["resolvedDependencies"] = json!([]);
        full["buildDefinition"]["vendor_extension"] = json!({"x": 1});
        full["runDetails"]["metadata"] = json!({"invocationId": ""});
        assert_eq!(read(Format::V1.uri(), &full).unwrap(), bare);
    }

    #[test]
    fn what_is_required_is_required() {
        for bad in [json!({}), v1("", "b"), v1("t", ""), json!({"buildDefinition": 1})] {
            assert_eq!(read(Format::V1.uri(), &bad).unwrap_err().code(), "predicate_invalid", "{bad}");
        }
        assert_eq!(read(Format::V0_2.uri(), &json!({"buildType": "t"})).unwrap_err().code(), "predicate_invalid");
    }

    #[test]
    fn google_formats_and_other_predicates_are_unsupported() {
        for (kind, build_type, builder) in [
            (Format::V1.uri(), "https://slsa-framework.github.io/gcb-buildtypes/triggered-build/v1", "b"),
            (Format::V1.uri(), "t", "https://cloudbuild.googleapis.com/GoogleHostedWorker"),
            (Format::V1.uri(), "t", "https://bcid.corp.google.com/builder"),
            ("https://slsa.dev/provenance/v0.1", "t", "b"),
            ("https://slsa.dev/provenance/v2", "t", "b"),
        ] {
            let error = read(kind, &v1(build_type, builder)).unwrap_err();
            assert_eq!(error.code(), "predicate_unsupported", "{kind} {build_type}");
        }
    }

    #[test]
    fn the_draft_is_unwrapped() {
        let mut predicate = v1("t", "b");
        predicate["buildDefinition"]["externalParameters"] =
            json!({"a": {"value": "x"}, "s": {"artifact": {"uri": "u"}}, "v": {"value": 1, "w": 2}});
        let read = read(Format::V1Draft.uri(), &predicate).unwrap();
        assert_eq!(
            Value::Object(read.external_parameters),
            json!({"a": "x", "s": {"uri": "u"}, "v": {"value": 1, "w": 2}})
        );
    }

    #[test]
    fn both_spellings_of_the_invocation() {
        let predicate = |m: Value| json!({"buildType": "t", "builder": {"id": "b"}, "metadata": m});
        let id = |m| read(Format::V0_2.uri(), &predicate(m)).map(|p| p.metadata.invocation_id);
        assert_eq!(id(json!({"buildInvocationID": "1"})), Ok(Some("1".to_owned())));
        assert_eq!(id(json!({"buildInvocationId": "1", "buildInvocationID": "1"})), Ok(Some("1".to_owned())));
        assert!(id(json!({"buildInvocationId": "1", "buildInvocationID": "2"})).is_err());
    }
}
