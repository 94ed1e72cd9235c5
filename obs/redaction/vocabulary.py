"""The words with which programs announce a secret, and the words that take the announcement back.

Data only. Each row is a kind of mask and the names that lead to it, in lower case without separators.
Sources: the API documentation of exchanges, brokers and clouds, and the words of the languages themselves.
"""

from __future__ import annotations

__all__ = ["ABOUT", "FOREIGN", "FOREIGN_WEAK", "INNOCENT", "NUMERIC", "OTHER", "SHORT", "STRICT", "WEAK"]


def _table(rows: str, separator: str | None = None) -> dict[str, str]:
    named = (row.split(maxsplit=1) for row in rows.strip().splitlines())
    return {name.strip(): kind for kind, names in named for name in names.split(separator)}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


STRICT = _table("""
password         password passwd passwort kennwort contrasena motdepasse senha wachtwoord haslo
password         losenord passcode passkey pwd pswd passwrd requirepass masterauth sqlpassword
password         sshpass salasana adgangskode matkhau
passphrase       passphrase
api_secret       secret secretkey apisecret appsecret clientsecret secrettoken geheimnis totpsecret
api_secret       sharedsecret
aws_secret       secretaccesskey
api_key          apikey appkey accesskey accesskeyid authkey consumerkey subscriptionkey licensekey
api_key          integrationkey servicekey approvalkey authorizationkey hashkey apikeyid
api_key          developerkey projectkey masterapikey connectkey apiaccess appid2 serverkey writekey
api_key          readkey ingestkey deploykey instrumentationkey
token            apitoken authtoken accesstoken refreshtoken bottoken bearertoken idtoken
token            securitytoken sessiontoken xsrftoken usertoken personalaccesstoken devicetoken
token            pushtoken gatewaytoken jwttoken
private_key      privatekey privkey signingkey signerkey encryptionkey masterkey sharedkey
private_key      accountkey sharedaccesskey storagekey sshkey hmackey jwtkey walletkey secretphrase
private_key      keypassphrase deployerkey cryptokey fernetkey
listen_key       listenkey
session          sessionkey
authorization    authorization
credential       credential credentials creds connectionstring connstr
mnemonic         mnemonic seedphrase seedwords recoveryphrase recoverywords backupphrase walletseed
mnemonic         mnemonicphrase
""")
"""Any value that is no placeholder counts."""

SHORT = _table("password pw pass psw pword parola sifre parole heslo")
"""As STRICT, but only as a whole word of the name."""

WEAK = _table("""
token            token bearer jwt csrf xsrf refresh pat csrftoken tkn
api_key          key access apikeys hwkey
authorization    auth
signature        sign sig signature hmac apisign sgn
session          session sessionid jsessionid phpsessid sess sid connectsid sessid psid papisid
cookie           cookie cookies
webhook          webhook webhookurl hook
mnemonic         seed
""")
"""Names with innocent uses as well: only a value that looks random counts."""

NUMERIC = _table("""
pin              pin pincode cvv cvc cvv2 cardpin
one_time_code    otp totp mfa 2fa tfa otpcode authcode verificationcode mfacode 2facode totpcode
one_time_code    smscode securitycode
account_number   cano ssn iban accountno accountnumber acctno acctnum accountnum cardnumber cardno
account_number   kontonummer accno acntno rrn
""")
"""Digits are the value."""

ABOUT = _words("""
about addr address age alg algo algorithm amount arn at attempt attempts balance bits budget by callback
changed chars check checked class column contract count counts created created_at date days decimals dir
disabled duration enabled encoding env err error errors exception exists expiration expire expired expires
expiring expiry field fields file filename files folder format from func function generated handler header
headers hint host id2 idx index info invalid issuer kind label len length level limit limits loaded manager
max method min minute missing mode name names num ok on option order pair pairs param params path paths per
policy position prefix price prompt provided provider rate realm ref require required reset role rotated
rotation scheme scope sec second seconds size source standard start state status step storage store strength
suffix supply symbol symbols time timeout timestamp total ttl type types uri usage used user username valid
validity var variable vault ver verification verified version window words_count
""")
"""Behind the secret word: the value is about the secret (`password_file`, `token_symbol`)."""

OTHER = _words("""
arrow base block bucket buy cache cached call candle column completion composite config context continuation
data dedup dedupe dict erc erc20 event feature foreign generated group hot i18n idempotency in index input
keyboard lookup lp map market max message metric min native natural new next nft num object order out output
page pair partition pool press primary prompt pub public quote rate reasoning redis row s3 sell series sort
state stop stream surrogate swap t0 t1 thinking to topic total trading translation tx unique wrapped
""")
"""Before a weak word: another thing has this name (`cache_key`, `max_tokens`, `trading session`)."""

FOREIGN = _table(
    """
password         비밀번호,패스워드,암호,비번,密码,密碼,口令,パスワード,пароль,пароля,contraseña
password         contrasenya,şifre,hasło
password         lösenord,mật khẩu,รหัสผ่าน,كلمة المرور,كلمة السر,סיסמה,पासवर्ड,κωδικός,jelszó
password         kata sandi,mot de passe,暗号,lozinka
passphrase       パスフレーズ,패스프레이즈,парольная фраза,phrase secrète
api_secret       시크릿키,시크릿 키,시크릿,비밀키,비밀 키,보안키,보안 키,密钥,密鑰,秘钥,秘鑰
api_secret       シークレットキー,シークレット,секретный ключ,секрет
api_secret       clave secreta,clé secrète,chave secreta,geheimschlüssel,secreto,segredo
private_key      개인키,개인 키,프라이빗 키,私钥,私鑰,秘密鍵,приватный ключ,закрытый ключ,clave privada
private_key      clé privée
private_key      chave privada,privater schlüssel
api_key          인증키,인증 키,접근키,액세스키,액세스 키,엑세스키,엑세스 키,앱키,앱 키,api키,api 키
api_key          api キー,apiキー,apiключ,アクセスキー
api_key          認証キー,访问密钥,api密钥,api-ключ,api ключ,clé api,clave api,chave api,api-schlüssel
api_key          clave de api,chave de api,키,ключ,clé,schlüssel,キー
token            토큰,令牌,トークン,токен,jeton
signature        서명,签名,簽名,署名,подпись
session          세션,会话,セッション
cookie           쿠키
pin              暗証番号,пин-код,пін-код,핀번호,핀 번호
one_time_code    인증번호,인증코드,验证码,驗證碼,код подтверждения,認証コード
account_number   계좌번호,계좌,口座番号,账号,номер счёта
mnemonic         니모닉,시드 구문,시드구문,시드 문구,복구 구문,복구구문,助记词,助記詞,ニーモニック
mnemonic         сид-фраза,сид фраза,мнемоника
mnemonic         мнемоническая фраза,frase semilla,frase de recuperación,phrase de récupération
mnemonic         frase de recuperação
""",
    ",",
)
"""Names in other languages, as printed in lower case."""

FOREIGN_WEAK = frozenset({"키", "ключ", "clé", "schlüssel", "キー", "jeton"})
"""Those that need a value that looks random, beside the kinds token, signature, session and cookie."""

INNOCENT = _words("""
... a absent accepted admin an and any are authentication authorization available await basic bearer bool by
bytes callable cannot changed changeme check class column could created default deleted denied deprecated
dev digest disabled else empty enabled encrypted env environment error example expired fail failed failure
false field file filtered for forbidden found from function given granted hashed hidden ignored in include
incorrect inf int invalid is key length live loaded mandatory masked method mismatch missing must
must-change n/a n/c na name nan needed nil no none not null object of off ok omit on optional or paper
passed password path placeholder plain plaintext print private prod production provided public raise raw
read redacted refreshed rejected removed required reset return revoked rotated same-origin sandbox sanitized
secret set should signed staging str string success successful table tbd test testnet text that the this to
todo token true type unauthorized unavailable unchanged undefined unknown unset unsigned unsupported updated
user username valid value verified was with write wrong yes your
""")
"""Values that say something about the secret."""
