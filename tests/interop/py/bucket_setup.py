"""Sets up a bucket as docs/deploy/bucket says, on moto, and tries what each role may do: each line is one attempt."""

import json
import sys
from pathlib import Path

import boto3
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.core import set_initial_no_auth_action_count

FOLDER = Path(sys.argv[1])
BUCKET, PREFIX, DAYS = "attestar-test", "nightly", 35


def text(name):
    return (FOLDER / name).read_text().replace("BUCKET", BUCKET).replace("PREFIX", PREFIX).replace("DAYS", str(DAYS))


def made():
    s3 = boto3.client("s3", region_name="us-east-1")
    s3.create_bucket(Bucket=BUCKET, ObjectLockEnabledForBucket=True)
    s3.put_object_lock_configuration(Bucket=BUCKET, ObjectLockConfiguration=json.loads(text("object-lock.json")))
    s3.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration=json.loads((FOLDER / "lifecycle.json").read_text()))
    json.loads(text("bucket-policy.json"))
    kept = s3.get_object_lock_configuration(Bucket=BUCKET)["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]
    assert (kept["Mode"], kept["Days"]) == ("COMPLIANCE", DAYS), kept
    assert s3.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"
    rules = s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]
    assert rules[0]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}, rules
    for name in ("archives/a.tar.zst.age", "archives/a.tar.zst.age.sigstore.json", "log/checkpoint", "events/e.sigstore.json"):
        s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}/{name}", Body=b"x")
    # The lock holds against everybody: a version that is retained cannot be deleted.
    version = s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}/archives/locked", Body=b"x")["VersionId"]
    try:
        s3.delete_object(Bucket=BUCKET, Key=f"{PREFIX}/archives/locked", VersionId=version)
    except ClientError as refused:
        assert refused.response["Error"]["Code"] == "AccessDenied", refused
    else:
        raise SystemExit("a locked version was deleted")
    return s3


def keys():
    iam, found = boto3.client("iam", region_name="us-east-1"), {}
    for role in ("backup-host", "verify-host", "prune-host", "reader"):
        iam.create_user(UserName=role)
        iam.put_user_policy(UserName=role, PolicyName=role, PolicyDocument=text(f"{role}.json"))
        key = iam.create_access_key(UserName=role)["AccessKey"]
        found[role] = (key["AccessKeyId"], key["SecretAccessKey"])
    return found


def attempts(client):
    """What is tried, in an order in which nothing spoils the next."""
    put = lambda key: lambda: client.put_object(Bucket=BUCKET, Key=f"{PREFIX}/{key}", Body=b"y")
    get = lambda key: lambda: client.get_object(Bucket=BUCKET, Key=f"{PREFIX}/{key}")
    delete = lambda key: lambda: client.delete_object(Bucket=BUCKET, Key=f"{PREFIX}/{key}")
    return {
        "list": lambda: client.list_objects_v2(Bucket=BUCKET, Prefix=PREFIX),
        "read archive": get("archives/a.tar.zst.age"),
        "read receipt": get("archives/a.tar.zst.age.sigstore.json"),
        "read log": get("log/checkpoint"),
        "write archive": put("archives/b.tar.zst.age"),
        "write event": put("events/f.sigstore.json"),
        "write elsewhere": lambda: client.put_object(Bucket=BUCKET, Key="other/x", Body=b"y"),
        "delete log": delete("log/checkpoint"),
        "delete event": delete("events/e.sigstore.json"),
        "delete archive": delete("archives/b.tar.zst.age"),
        "unlock": lambda: client.put_object_lock_configuration(
            Bucket=BUCKET, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"}
        ),
        "open to all": lambda: client.put_bucket_policy(Bucket=BUCKET, Policy=text("bucket-policy.json")),
    }


@mock_aws
def main():
    made()
    found = keys()
    for role, (identity, secret) in found.items():
        client = boto3.client("s3", region_name="us-east-1", aws_access_key_id=identity, aws_secret_access_key=secret)

        @set_initial_no_auth_action_count(0)
        def tried(attempt):
            try:
                attempt()
                return "may"
            except ClientError as refused:
                assert refused.response["Error"]["Code"] in ("AccessDenied", "403"), refused
                return "may not"

        for name, attempt in attempts(client).items():
            print(f"{role}: {tried(attempt)} {name}")


main()
