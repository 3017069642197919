"""A local Amazon Cognito user-pool service for the demo and the tests."""
