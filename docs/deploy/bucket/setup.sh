#!/bin/sh
# Makes a bucket in which nothing can be deleted before its time; for an account that no host has. Uses the AWS command
# line; other servers take the same with AWS_ENDPOINT_URL. Usage: setup.sh BUCKET [DAYS]
set -eu
bucket=$1 days=${2:-35}
cd "$(dirname "$0")"

aws s3api create-bucket --bucket "$bucket" --object-lock-enabled-for-bucket
aws s3api put-public-access-block --bucket "$bucket" --public-access-block-configuration \
    BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true
aws s3api put-object-lock-configuration --bucket "$bucket" \
    --object-lock-configuration "$(sed "s/DAYS/$days/" object-lock.json)"
aws s3api put-bucket-lifecycle-configuration --bucket "$bucket" --lifecycle-configuration file://lifecycle.json
aws s3api put-bucket-policy --bucket "$bucket" --policy "$(sed "s/BUCKET/$bucket/g" bucket-policy.json)"
