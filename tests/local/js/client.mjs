// Drives amazon-cognito-identity-js: one JSON command a line on standard input, one JSON answer a line.
import cognito from 'amazon-cognito-identity-js'
import { createInterface } from 'node:readline'

const { AuthenticationDetails, CognitoUser, CognitoUserAttribute, CognitoUserPool } = cognito
const [endpoint, UserPoolId, ClientId] = process.argv.slice(2)
const pool = new CognitoUserPool({ UserPoolId, ClientId, endpoint })
const users = new Map()

function userOf(email) {
  if (!users.has(email)) users.set(email, new CognitoUser({ Username: email, Pool: pool }))
  return users.get(email)
}

const promised = (start) =>
  new Promise((resolve, reject) => start((error, result) => (error ? reject(error) : resolve(result))))

const tokens = (session) => ({
  access: session.getAccessToken().getJwtToken(),
  id: session.getIdToken().payload,
  refresh: session.getRefreshToken().getToken(),
})

const signInCallbacks = (resolve, reject) => ({
  onSuccess: (session) => resolve(tokens(session)),
  onFailure: reject,
  newPasswordRequired: (attributes) => resolve({ newPasswordRequired: attributes }),
  totpRequired: (challenge, parameters) => resolve({ challenge, parameters }),
})

const commands = {
  signUp: ({ email, password }) =>
    promised((done) =>
      pool.signUp(email, password, [new CognitoUserAttribute({ Name: 'email', Value: email })], [], done),
    ).then((result) => ({ confirmed: result.userConfirmed, sub: result.userSub })),
  confirm: ({ email, code }) => promised((done) => userOf(email).confirmRegistration(code, true, done)),
  resend: ({ email }) => promised((done) => userOf(email).resendConfirmationCode(done)),
  signIn: ({ email, password }) =>
    new Promise((resolve, reject) => {
      const details = new AuthenticationDetails({ Username: email, Password: password })
      userOf(email).authenticateUser(details, signInCallbacks(resolve, reject))
    }),
  choosePassword: ({ email, password }) =>
    new Promise((resolve, reject) =>
      userOf(email).completeNewPasswordChallenge(password, {}, signInCallbacks(resolve, reject)),
    ),
  associate: ({ email }) =>
    new Promise((resolve, reject) =>
      userOf(email).associateSoftwareToken({ associateSecretCode: resolve, onFailure: reject }),
    ),
  verify: ({ email, code, device }) =>
    new Promise((resolve, reject) =>
      userOf(email).verifySoftwareToken(code, device, { onSuccess: resolve, onFailure: reject }),
    ),
  setTwoStep: ({ email, on }) =>
    promised((done) => userOf(email).setUserMfaPreference(null, { Enabled: on, PreferredMfa: on }, done)),
  preferredFactor: ({ email }) =>
    promised((done) => userOf(email).getUserData(done, { bypassCache: true })).then(
      (found) => found.PreferredMfaSetting ?? null,
    ),
  sendCode: ({ email, code }) =>
    new Promise((resolve, reject) =>
      userOf(email).sendMFACode(code, signInCallbacks(resolve, reject), 'SOFTWARE_TOKEN_MFA'),
    ),
  changePassword: ({ email, from, to }) => promised((done) => userOf(email).changePassword(from, to, done)),
  refresh: ({ email }) => {
    const user = userOf(email)
    const token = user.getSignInUserSession().getRefreshToken()
    return promised((done) => user.refreshSession(token, done)).then(tokens)
  },
  attributes: ({ email }) =>
    promised((done) => userOf(email).getUserAttributes(done)).then((found) =>
      Object.fromEntries(found.map((one) => [one.getName(), one.getValue()])),
    ),
  forgot: ({ email }) =>
    new Promise((resolve, reject) =>
      userOf(email).forgotPassword({ onSuccess: resolve, onFailure: reject, inputVerificationCode: resolve }),
    ),
  newPassword: ({ email, code, password }) =>
    new Promise((resolve, reject) =>
      userOf(email).confirmPassword(code, password, { onSuccess: resolve, onFailure: reject }),
    ),
  signOutEverywhere: ({ email }) =>
    new Promise((resolve, reject) => userOf(email).globalSignOut({ onSuccess: resolve, onFailure: reject })),
}

for await (const line of createInterface({ input: process.stdin })) {
  const { command, ...given } = JSON.parse(line)
  const answer = await commands[command](given).then(
    (result) => ({ result: result ?? null }),
    (error) => ({ error: error.code ?? error.name, message: error.message }),
  )
  console.log(JSON.stringify(answer))
}
