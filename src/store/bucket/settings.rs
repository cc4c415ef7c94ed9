//! From an address and what the environment says to a bucket. Credentials come from where the clouds' own tools find
//! them, and go nowhere else.

use super::connection::{Connections, options};
use super::profiles::{self, Lookup, Profile};
use super::unfinished::Unfinished;
use super::{Bucket, Objects, Way, failures};
use crate::error::{Error, Result};
use crate::pipeline::watch::Watch;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, Checksum};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::{BackoffConfig, RetryConfig};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// Variables of the AWS tools, and of the object store's library for what they have no variable for.
const AWS: &[&str] = &[
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL_STS",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_METADATA_ENDPOINT",
    "AWS_SERVER_SIDE_ENCRYPTION",
    "AWS_SSE_KMS_KEY_ID",
    "AWS_SSE_BUCKET_KEY_ENABLED",
    "AWS_REQUEST_PAYER",
    "AWS_VIRTUAL_HOSTED_STYLE_REQUEST",
    "AWS_COPY_IF_NOT_EXISTS",
];

/// The settings that a profile may hold.
const IN_PROFILES: &[&str] = &[
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "region",
    "endpoint_url",
    "web_identity_token_file",
    "role_arn",
    "role_session_name",
];

const GOOGLE: &[&str] = &[
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_SERVICE_ACCOUNT",
    "GOOGLE_SERVICE_ACCOUNT_PATH",
    "GOOGLE_SERVICE_ACCOUNT_KEY",
    "GOOGLE_BASE_URL",
    "GOOGLE_SKIP_SIGNATURE",
];

const AZURE: &[&str] = &[
    "AZURE_STORAGE_ACCOUNT_NAME",
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_SAS_TOKEN",
    "AZURE_STORAGE_ENDPOINT",
    "AZURE_CLIENT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_TENANT_ID",
    "AZURE_AUTHORITY_HOST",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_MSI_ENDPOINT",
];

/// An address taken apart: `s3://bucket/prefix`.
pub struct Address<'a> {
    /// The address as people wrote it.
    pub place: &'a str,
    /// The bucket, or Azure's container.
    pub bucket: &'a str,
    /// The path in it, or empty.
    pub prefix: &'a str,
    /// A server other than the cloud's own: `http://localhost:9000`.
    pub endpoint: Option<&'a str>,
}

/// S3, and what speaks its protocol.
pub fn s3(address: &Address<'_>, variable: Lookup<'_>, watch: &Watch) -> Result<Bucket> {
    let given = s3_settings(address, variable)?;
    let is_endpoint = |key: &str| key.starts_with("aws_endpoint_url") || key == "endpoint_url";
    let plain = given.iter().any(|(key, value)| is_endpoint(key) && value.starts_with("http://"));
    let connections = Connections::default();
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(address.bucket)
        .with_client_options(options(plain))
        .with_http_connector(connections.clone())
        .with_retry(retries())
        // Checked by the server, on each request that carries content.
        .with_checksum_algorithm(Checksum::SHA256)
        .with_disable_bulk_delete(true);
    for (key, value) in &given {
        builder = builder.with_config(setting::<AmazonS3ConfigKey>(key)?, value);
    }
    let failed = |error| unusable(address, &error);
    let credentials = builder.clone().with_retry(retries_for_credentials()).build().map_err(failed)?;
    let s3 = builder.with_credentials(credentials.credentials().clone()).build().map_err(failed)?;
    let s3 = Arc::new(s3);
    let unfinished = Unfinished::new(s3.clone(), &connections, plain);
    let unfinished = unfinished.map_err(failed)?;
    let copies = given.iter().any(|(key, _)| key == "aws_copy_if_not_exists");
    let way = if copies { Way::Copy } else { Way::Complete };
    let bucket = bucket(address, s3, connections, watch)?;
    Ok(Bucket { way, unfinished: Some(unfinished), ..bucket })
}

/// Google Cloud Storage.
pub fn google(address: &Address<'_>, variable: Lookup<'_>, watch: &Watch) -> Result<Bucket> {
    let connections = Connections::default();
    let mut builder = GoogleCloudStorageBuilder::new()
        .with_bucket_name(address.bucket)
        .with_client_options(options(is_plain(address)))
        .with_http_connector(connections.clone())
        .with_retry(retries());
    for (key, value) in variables(GOOGLE, variable) {
        builder = builder.with_config(setting::<GoogleConfigKey>(&key)?, value);
    }
    if let Some(endpoint) = address.endpoint {
        builder = builder.with_base_url(endpoint);
    }
    let google = builder.build().map_err(|error| unusable(address, &error))?;
    bucket(address, Arc::new(google), connections, watch)
}

/// Azure Blob Storage; the account comes from the environment.
pub fn azure(address: &Address<'_>, variable: Lookup<'_>, watch: &Watch) -> Result<Bucket> {
    let connections = Connections::default();
    let mut builder = MicrosoftAzureBuilder::new()
        .with_container_name(address.bucket)
        .with_client_options(options(is_plain(address)))
        .with_http_connector(connections.clone())
        .with_retry(retries());
    for (key, value) in variables(AZURE, variable) {
        builder = builder.with_config(setting::<AzureConfigKey>(&key)?, value);
    }
    if let Some(endpoint) = address.endpoint {
        builder = builder.with_endpoint(endpoint.to_owned());
    }
    let azure = builder.build().map_err(|error| unusable(address, &error))?;
    bucket(address, Arc::new(azure), connections, watch)
}

fn bucket(
    address: &Address<'_>,
    objects: Arc<dyn Objects>,
    connections: Connections,
    watch: &Watch,
) -> Result<Bucket> {
    let bucket = Bucket::new(address.place.to_owned(), address.prefix, objects, watch)?;
    Ok(Bucket { connections, ..bucket })
}

/// A request that fails in passing is sent again, with growing pauses, for about a minute.
fn retries() -> RetryConfig {
    let backoff = BackoffConfig {
        init_backoff: Duration::from_millis(100),
        max_backoff: Duration::from_secs(10),
        base: 2.0,
    };
    RetryConfig { backoff, max_retries: 8, retry_timeout: Duration::from_secs(90) }
}

/// Whoever hands out credentials answers soon or is not there: outside of the cloud nobody waits for its metadata.
fn retries_for_credentials() -> RetryConfig {
    RetryConfig { max_retries: 2, retry_timeout: Duration::from_secs(5), ..retries() }
}

/// What applies to an S3 bucket, the stronger later: the profile, the environment, the policy's endpoint.
fn s3_settings(address: &Address<'_>, variable: Lookup<'_>) -> Result<Vec<(String, String)>> {
    let profile = profiles::load(variable)?;
    let from_environment = variables(AWS, variable);
    let has = |key: &str| from_environment.iter().any(|(name, _)| name == key);
    let own_credentials = has("aws_access_key_id") || has("aws_web_identity_token_file");
    if !own_credentials && !profile.contains_key("aws_access_key_id") {
        profiles::elsewhere(&profile).map_or(Ok(()), Err)?;
    }
    let mut settings = of_profile(&profile, own_credentials);
    settings.extend(from_environment);
    settings.extend(address.endpoint.map(|endpoint| ("aws_endpoint_url_s3".to_owned(), endpoint.to_owned())));
    Ok(settings)
}

/// A profile's settings; not its credentials if the environment has others: halves of two do not fit together.
fn of_profile(profile: &Profile, without_credentials: bool) -> Vec<(String, String)> {
    let kept = |key: &str| !without_credentials || ["region", "endpoint_url"].contains(&key);
    let known = IN_PROFILES.iter().filter(|key| kept(key));
    known.filter_map(|key| Some(((*key).to_owned(), profile.get(*key)?.clone()))).collect()
}

fn variables(names: &[&str], variable: Lookup<'_>) -> Vec<(String, String)> {
    let set = |name: &&str| variable(name).filter(|value| !value.is_empty());
    names.iter().filter_map(|name| Some((name.to_ascii_lowercase(), set(name)?))).collect()
}

fn setting<K: FromStr>(name: &str) -> Result<K> {
    name.parse().map_err(|_| Error::usage(format!("{name} is no setting of a bucket"), ""))
}

fn is_plain(address: &Address<'_>) -> bool {
    address.endpoint.is_some_and(|endpoint| endpoint.starts_with("http://"))
}

/// Settings that make no bucket. The library names the setting and never its value.
fn unusable(address: &Address<'_>, error: &object_store::Error) -> Error {
    Error::unavailable(
        format!("cannot use {}: {}", address.place, failures::said(error)),
        "check the credentials, the region and the endpoint; docs/STORE.md says where they are looked for",
    )
}
