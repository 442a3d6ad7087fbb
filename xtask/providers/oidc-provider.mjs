// The certified npm `oidc-provider` on a free loopback port, with one user who always agrees.
//
// Prints `ready ISSUER` as soon as it listens, and ends with its standard input. The clients are those of
// tests/providers/; the secrets are no secrets.

import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import process from 'node:process';

import Provider from 'oidc-provider';

const USER = 'alice';
const SECONDS_OF_ACCESS = 3;

const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = startProvider(issuer);
  const answer = provider.callback();
  server.on('request', (request, response) => {
    const handler = request.url.startsWith('/interaction/') ? agree(provider) : answer;
    Promise.resolve(handler(request, response)).catch((error) => {
      console.error(error);
      response.writeHead(500).end();
    });
  });
  console.log(`ready ${issuer}`);
});
process.stdin.resume().on('end', () => process.exit(0));

function startProvider(issuer) {
  const provider = new Provider(issuer, {
    clients: clients(),
    jwks: { keys: [signingKey('rsa', { modulusLength: 2048 }), signingKey('ec', { namedCurve: 'P-256' })] },
    cookies: { keys: [randomUUID()] },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, email: `${id}@example.org` }) }),
    claims: { openid: ['sub'], email: ['email'] },
    scopes: ['openid', 'offline_access', 'email', 'read'],
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    pkce: { required: () => true },
    rotateRefreshToken: true,
    ttl: {
      AccessToken: SECONDS_OF_ACCESS,
      AuthorizationCode: 60,
      ClientCredentials: SECONDS_OF_ACCESS,
      Grant: 3600,
      IdToken: 3600,
      Interaction: 600,
      RefreshToken: 3600,
      Session: 3600,
    },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      introspection: { enabled: true },
      resourceIndicators: { enabled: false },
      revocation: { enabled: true },
      rpInitiatedLogout: { enabled: true },
      userinfo: { enabled: true },
    },
  });
  for (const event of ['grant.error', 'server_error', 'authorization.error', 'userinfo.error', 'revocation.error']) {
    provider.on(event, (_, error) => console.error(`${event}: ${error.error_description ?? error.message}`));
  }
  return provider;
}

function clients() {
  const client = {
    application_type: 'native', // any port of a loopback redirect
    grant_types: ['authorization_code', 'refresh_token'],
    post_logout_redirect_uris: ['http://127.0.0.1/signed-out'],
    redirect_uris: ['http://127.0.0.1/callback'],
    response_types: ['code'],
  };
  const confidential = { ...client, client_secret: 'not:a secret, and odd + %2B' };
  return [
    { ...client, client_id: 'public', token_endpoint_auth_method: 'none' },
    { ...confidential, client_id: 'basic', token_endpoint_auth_method: 'client_secret_basic' },
    { ...confidential, client_id: 'post', token_endpoint_auth_method: 'client_secret_post' },
    {
      client_id: 'service',
      client_secret: confidential.client_secret,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      scope: 'read',
      token_endpoint_auth_method: 'client_secret_basic',
    },
  ];
}

function signingKey(type, options) {
  const { privateKey } = generateKeyPairSync(type, options);
  return { ...privateKey.export({ format: 'jwk' }), kid: type, use: 'sig' };
}

// The user's part: signed in and agreeing to everything, without a page.
function agree(provider) {
  return async (request, response) => {
    const { params } = await provider.interactionDetails(request, response);
    const grant = new provider.Grant({ accountId: USER, clientId: params.client_id });
    grant.addOIDCScope(params.scope);
    const grantId = await grant.save();
    const result = { login: { accountId: USER }, consent: { grantId } };
    await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
  };
}
