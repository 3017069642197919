// Drives the local Cognito server with the AWS SDK for JavaScript v3, errors by the SDK's own classes.
// Prints one line per check and "N passed, N failed"; the exit status says the same.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import {
  AdminCreateUserCommand, AdminGetUserCommand, AdminUserGlobalSignOutCommand, CodeMismatchException,
  CognitoIdentityProviderClient, DescribeUserPoolClientCommand, DescribeUserPoolCommand,
  GetTokensFromRefreshTokenCommand, GetUserAuthFactorsCommand, GetUserCommand, GlobalSignOutCommand,
  InitiateAuthCommand, ListUsersCommand, NotAuthorizedException, RefreshTokenReuseException,
  RespondToAuthChallengeCommand, RevokeTokenCommand, TooManyRequestsException, UserNotFoundException,
  UsernameExistsException, UnsupportedTokenTypeException,
} from '@aws-sdk/client-cognito-identity-provider';

const UserPoolId = 'eu-west-1_Ab129faBb';
const ClientId = '1h57kf5cpq17m0eml12EXAMPLE';
const ClientSecret = '1exampleclientsecret0123456789abcdefghijklmnopqrstu';
const PublicClientId = '2publicclientEXAMPLE';
const alice = 'alice@example.com';
const aliceSub = 'c2c5d4e4-0011-70aa-b1c2-1234567890ab';
const { COGNITO_ENDPOINT: endpoint, COGNITO_CA: caFile, COGNITO_CONTROL: control } = process.env;
const agent = new https.Agent({ ca: readFileSync(caFile), keepAlive: true });

function connect(accessKeyId = 'AKIDEXAMPLE', secretAccessKey = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY') {
  return new CognitoIdentityProviderClient({
    region: 'eu-west-1', endpoint, maxAttempts: 1, credentials: { accessKeyId, secretAccessKey },
    requestHandler: { httpsAgent: agent, requestTimeout: 15000 },
  });
}

const client = connect();

// One verb of the control port.
function mock(verb, args = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request(`${control}/${verb}`, { method: 'POST', timeout: 30000 }, (response) => {
      let text = '';
      response.on('data', (part) => { text += part; });
      response.on('end', () => (response.statusCode === 200 ? resolve(JSON.parse(text).result)
        : reject(new Error(text))));
    });
    request.on('error', reject);
    request.end(JSON.stringify(args));
  });
}

function secretHash(name) {
  return createHmac('sha256', ClientSecret).update(name + ClientId).digest('base64');
}

async function lastCode(username) {
  const mails = await mock('wait_mail', { count: 1, timeout: 5, username });
  return mails.at(-1).code;
}

function start(username, preferred = 'EMAIL_OTP') {
  return client.send(new InitiateAuthCommand({
    AuthFlow: 'USER_AUTH', ClientId,
    AuthParameters: { USERNAME: username, PREFERRED_CHALLENGE: preferred, SECRET_HASH: secretHash(username) },
  }));
}

function answer(challenge, username, responses) {
  return client.send(new RespondToAuthChallengeCommand({
    ClientId, ChallengeName: challenge.ChallengeName, Session: challenge.Session,
    ChallengeResponses: { USERNAME: username, SECRET_HASH: secretHash(username), ...responses },
  }));
}

async function logIn(username) {
  const challenge = await start(username);
  const result = await answer(challenge, username, { EMAIL_OTP_CODE: await lastCode(username) });
  return result.AuthenticationResult;
}

function refresh(RefreshToken) {
  return client.send(new GetTokensFromRefreshTokenCommand({ RefreshToken, ClientId, ClientSecret }));
}

const checks = {
  async 'EMAIL_OTP straight'() {
    const challenge = await start(alice);
    assert.equal(challenge.ChallengeName, 'EMAIL_OTP');
    assert.deepEqual(challenge.AvailableChallenges, ['EMAIL_OTP']);
    assert.equal(challenge.ChallengeParameters.CODE_DELIVERY_DESTINATION, 'a***@e***');
    const done = await answer(challenge, alice, { EMAIL_OTP_CODE: await lastCode(alice) });
    assert.equal(done.AuthenticationResult.TokenType, 'Bearer');
    assert.equal(done.AuthenticationResult.IdToken.split('.').length, 3);
    assert.equal(done.$metadata.httpStatusCode, 200);
  },
  async 'SELECT_CHALLENGE'() {
    const choice = await start(alice, 'SMS_OTP');
    assert.equal(choice.ChallengeName, 'SELECT_CHALLENGE');
    const challenge = await answer(choice, alice, { ANSWER: 'EMAIL_OTP' });
    assert.equal(challenge.ChallengeName, 'EMAIL_OTP');
    const done = await answer(challenge, alice, { EMAIL_OTP_CODE: await lastCode(alice) });
    assert.ok(done.AuthenticationResult.AccessToken);
  },
  async 'wrong code, then right, then spent'() {
    await mock('next_code', { code: '00000042' });
    const challenge = await start(alice);
    await assert.rejects(answer(challenge, alice, { EMAIL_OTP_CODE: '11111111' }), CodeMismatchException);
    await answer(challenge, alice, { EMAIL_OTP_CODE: '00000042' });
    await assert.rejects(answer(challenge, alice, { EMAIL_OTP_CODE: '00000042' }), NotAuthorizedException);
  },
  async 'masked and unmasked unknown user'() {
    const challenge = await start('ghost@nowhere.org');
    assert.equal(challenge.ChallengeParameters.CODE_DELIVERY_DESTINATION, 'g***@n***');
    await assert.rejects(answer(challenge, 'ghost@nowhere.org', { EMAIL_OTP_CODE: '11111111' }),
      CodeMismatchException);
    await mock('client', { client_id: ClientId, prevent_user_existence_errors: 'LEGACY' });
    await assert.rejects(start('ghost@nowhere.org'), UserNotFoundException);
  },
  async 'GetTokensFromRefreshToken with rotation'() {
    const { RefreshToken } = await logIn(alice);
    const fresh = (await refresh(RefreshToken)).AuthenticationResult;
    assert.notEqual(fresh.RefreshToken, RefreshToken);
    await refresh(RefreshToken);
    await mock('set_clock', { offset: 11 });
    await assert.rejects(refresh(RefreshToken), RefreshTokenReuseException);
    assert.ok((await refresh(fresh.RefreshToken)).AuthenticationResult.IdToken);
  },
  async 'GetTokensFromRefreshToken without rotation'() {
    await mock('client', { client_id: ClientId, refresh_token_rotation: false });
    const { RefreshToken } = await logIn(alice);
    const fresh = (await refresh(RefreshToken)).AuthenticationResult;
    assert.equal(fresh.RefreshToken, undefined);
    assert.ok(fresh.AccessToken);
  },
  async 'REFRESH_TOKEN_AUTH of a public client'() {
    const begun = await client.send(new InitiateAuthCommand({
      AuthFlow: 'USER_AUTH', ClientId: PublicClientId, AuthParameters: { USERNAME: alice } }));
    assert.equal(begun.ChallengeName, 'EMAIL_OTP');
    const { AuthenticationResult: tokens } = await client.send(new RespondToAuthChallengeCommand({
      ClientId: PublicClientId, ChallengeName: 'EMAIL_OTP', Session: begun.Session,
      ChallengeResponses: { USERNAME: alice, EMAIL_OTP_CODE: await lastCode(alice) } }));
    const fresh = await client.send(new InitiateAuthCommand({
      AuthFlow: 'REFRESH_TOKEN_AUTH', ClientId: PublicClientId,
      AuthParameters: { REFRESH_TOKEN: tokens.RefreshToken } }));
    assert.ok(fresh.AuthenticationResult.IdToken);
  },
  async 'RevokeToken'() {
    const tokens = await logIn(alice);
    await client.send(new RevokeTokenCommand({ Token: tokens.RefreshToken, ClientId, ClientSecret }));
    await assert.rejects(refresh(tokens.RefreshToken), NotAuthorizedException);
    await assert.rejects(client.send(new RevokeTokenCommand({ Token: tokens.IdToken, ClientId, ClientSecret })),
      UnsupportedTokenTypeException);
  },
  async 'RevokeToken with an empty answer'() {
    const tokens = await logIn(alice);
    await mock('fault', { operation: 'RevokeToken', body: '', process: true });
    await client.send(new RevokeTokenCommand({ Token: tokens.RefreshToken, ClientId, ClientSecret }));
    await assert.rejects(refresh(tokens.RefreshToken), NotAuthorizedException);
  },
  async 'GetUser, GetUserAuthFactors, GlobalSignOut'() {
    const { AccessToken } = await logIn(alice);
    const user = await client.send(new GetUserCommand({ AccessToken }));
    assert.equal(user.Username, aliceSub);
    const factors = await client.send(new GetUserAuthFactorsCommand({ AccessToken }));
    assert.deepEqual(factors.ConfiguredUserAuthFactors, ['EMAIL_OTP']);
    await client.send(new GlobalSignOutCommand({ AccessToken }));
    await assert.rejects(client.send(new GetUserCommand({ AccessToken })), NotAuthorizedException);
  },
  async 'AdminGetUser, signed'() {
    const user = await client.send(new AdminGetUserCommand({ UserPoolId, Username: alice }));
    assert.equal(user.UserStatus, 'CONFIRMED');
    assert.ok(user.UserCreateDate instanceof Date);
    await assert.rejects(client.send(new AdminGetUserCommand({ UserPoolId, Username: 'ghost@nowhere.org' })),
      UserNotFoundException);
    await client.send(new AdminUserGlobalSignOutCommand({ UserPoolId, Username: alice }));
  },
  async 'AdminCreateUser'() {
    const command = () => new AdminCreateUserCommand({
      UserPoolId, Username: 'dave@example.com', MessageAction: 'SUPPRESS',
      UserAttributes: [{ Name: 'email', Value: 'dave@example.com' }, { Name: 'email_verified', Value: 'true' }] });
    assert.equal((await client.send(command())).User.UserStatus, 'CONFIRMED');
    await assert.rejects(client.send(command()), UsernameExistsException);
    assert.ok((await logIn('dave@example.com')).IdToken);
  },
  async 'wrong signature'() {
    const forged = connect('AKIDEXAMPLE', 'not the secret');
    await assert.rejects(forged.send(new AdminGetUserCommand({ UserPoolId, Username: alice })),
      { name: 'InvalidSignatureException' });
  },
  async 'DescribeUserPool, DescribeUserPoolClient, ListUsers'() {
    const { UserPool } = await client.send(new DescribeUserPoolCommand({ UserPoolId }));
    assert.ok(UserPool.Policies.SignInPolicy.AllowedFirstAuthFactors.includes('EMAIL_OTP'));
    const { UserPoolClient } = await client.send(new DescribeUserPoolClientCommand({ UserPoolId, ClientId }));
    assert.equal(UserPoolClient.RefreshTokenRotation.Feature, 'ENABLED');
    const { Users } = await client.send(new ListUsersCommand({ UserPoolId, Filter: `email = "${alice}"` }));
    assert.equal(Users.length, 1);
  },
  async 'error envelopes and statuses'() {
    for (const envelope of ['bare', 'namespace', 'colon', 'namespace_colon', 'header_only', 'code']) {
      const error = { type: 'TooManyRequestsException', message: 'Rate exceeded', envelope };
      await mock('fault', { operation: 'InitiateAuth', error: { ...error, status: envelope === 'bare' ? 429 : 400 } });
      await assert.rejects(start(alice), TooManyRequestsException, envelope);
    }
  },
};

let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  await mock('reset');
  try {
    await check();
    console.log(`ok      ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${name}: ${error.stack}`);
  }
}
agent.destroy();
console.log(`${Object.keys(checks).length - failed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
