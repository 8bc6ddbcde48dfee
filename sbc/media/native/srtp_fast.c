/* AES in counter mode, AES-GCM and HMAC-SHA1 for libsrtp by OpenSSL. Debian's libsrtp has them by NSS, which makes an object of
   each packet and looks for it among those of all sessions: 3 microseconds a packet with one session, 30 with thousands. */
#include "srtp_fast.h"

#if defined(SBC_SRTP) && defined(SBC_OPENSSL)
#define OPENSSL_SUPPRESS_DEPRECATED /* SHA1_Init() and its like: they alone can be copied without an allocation */
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <srtp2/auth.h>
#include <srtp2/cipher.h>
#include <srtp2/srtp.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 16
#define SALT_CM 14
#define SALT_GCM 12
#define HMAC_BLOCK 64

struct cipher {
    EVP_CIPHER_CTX *context;
    const EVP_CIPHER *kind;
    uint8_t offset[BLOCK]; /* of AES-CM: the salt */
    int key;               /* octets */
    int tag;
    int encrypts;
};

struct hmac {
    SHA_CTX inner; /* with the key, before the message, */
    SHA_CTX outer; /* and before the inner hash */
    SHA_CTX now;
};

static const srtp_cipher_type_t cm_128, cm_256, gcm_128, gcm_256;
static const srtp_auth_type_t hmac;

static srtp_err_status_t cipher_alloc(srtp_cipher_pointer_t *made, const srtp_cipher_type_t *type, const EVP_CIPHER *kind,
                                      int key_len, int salt, int tag)
{
    srtp_cipher_t *cipher = calloc(1, sizeof *cipher);
    struct cipher *state = calloc(1, sizeof *state);
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();

    if (!cipher || !state || !context || key_len != EVP_CIPHER_key_length(kind) + salt) {
        free(cipher);
        free(state);
        EVP_CIPHER_CTX_free(context);
        return srtp_err_status_bad_param;
    }
    *state = (struct cipher){.context = context, .kind = kind, .key = key_len - salt, .tag = tag};
    cipher->type = type;
    cipher->state = state;
    cipher->key_len = key_len;
    cipher->algorithm = (int)type->id;
    *made = cipher;
    return srtp_err_status_ok;
}

static srtp_err_status_t cipher_dealloc(srtp_cipher_pointer_t cipher)
{
    struct cipher *state = cipher->state;

    EVP_CIPHER_CTX_free(state->context);
    OPENSSL_cleanse(state, sizeof *state);
    free(state);
    free(cipher);
    return srtp_err_status_ok;
}

static srtp_err_status_t cm_128_alloc(srtp_cipher_pointer_t *made, int key_len, int tag)
{
    return cipher_alloc(made, &cm_128, EVP_aes_128_ctr(), key_len, SALT_CM, tag);
}

static srtp_err_status_t cm_256_alloc(srtp_cipher_pointer_t *made, int key_len, int tag)
{
    return cipher_alloc(made, &cm_256, EVP_aes_256_ctr(), key_len, SALT_CM, tag);
}

static srtp_err_status_t gcm_128_alloc(srtp_cipher_pointer_t *made, int key_len, int tag)
{
    return cipher_alloc(made, &gcm_128, EVP_aes_128_gcm(), key_len, SALT_GCM, tag);
}

static srtp_err_status_t gcm_256_alloc(srtp_cipher_pointer_t *made, int key_len, int tag)
{
    return cipher_alloc(made, &gcm_256, EVP_aes_256_gcm(), key_len, SALT_GCM, tag);
}

static srtp_err_status_t cm_init(void *argument, const uint8_t *key)
{
    struct cipher *state = argument;

    memset(state->offset, 0, BLOCK);
    memcpy(state->offset, key + state->key, SALT_CM);
    return EVP_EncryptInit_ex(state->context, state->kind, NULL, key, NULL) ? srtp_err_status_ok : srtp_err_status_init_fail;
}

static srtp_err_status_t cm_set_iv(void *argument, uint8_t *iv, srtp_cipher_direction_t direction)
{
    struct cipher *state = argument;
    uint8_t counter[BLOCK];

    (void)direction;
    for (int n = 0; n < BLOCK; n++)
        counter[n] = iv[n] ^ state->offset[n];
    return EVP_EncryptInit_ex(state->context, NULL, NULL, NULL, counter) ? srtp_err_status_ok : srtp_err_status_cipher_fail;
}

static srtp_err_status_t cm_crypt(void *argument, uint8_t *data, unsigned int *size)
{
    struct cipher *state = argument;
    int done;

    if (!EVP_EncryptUpdate(state->context, data, &done, data, (int)*size))
        return srtp_err_status_cipher_fail;
    *size = (unsigned int)done;
    return srtp_err_status_ok;
}

static srtp_err_status_t gcm_init(void *argument, const uint8_t *key)
{
    struct cipher *state = argument;

    /* The length of the IV, 12 octets, is what it is without being said. */
    return EVP_CipherInit_ex(state->context, state->kind, NULL, key, NULL, 1) ? srtp_err_status_ok : srtp_err_status_init_fail;
}

static srtp_err_status_t gcm_set_iv(void *argument, uint8_t *iv, srtp_cipher_direction_t direction)
{
    struct cipher *state = argument;

    state->encrypts = direction == srtp_direction_encrypt;
    return EVP_CipherInit_ex(state->context, NULL, NULL, NULL, iv, state->encrypts) ? srtp_err_status_ok
                                                                                   : srtp_err_status_cipher_fail;
}

static srtp_err_status_t gcm_set_aad(void *argument, const uint8_t *aad, uint32_t size)
{
    struct cipher *state = argument;
    int done;

    return EVP_CipherUpdate(state->context, NULL, &done, aad, (int)size) ? srtp_err_status_ok : srtp_err_status_algo_fail;
}

static srtp_err_status_t gcm_encrypt(void *argument, uint8_t *data, unsigned int *size)
{
    struct cipher *state = argument;
    int done;

    return EVP_CipherUpdate(state->context, data, &done, data, (int)*size) ? srtp_err_status_ok : srtp_err_status_cipher_fail;
}

static srtp_err_status_t gcm_get_tag(void *argument, uint8_t *tag, uint32_t *size)
{
    struct cipher *state = argument;
    uint8_t none[BLOCK];
    int done;

    if (!EVP_CipherFinal_ex(state->context, none, &done) ||
        !EVP_CIPHER_CTX_ctrl(state->context, EVP_CTRL_AEAD_GET_TAG, state->tag, tag))
        return srtp_err_status_algo_fail;
    *size = (uint32_t)state->tag;
    return srtp_err_status_ok;
}

static srtp_err_status_t gcm_decrypt(void *argument, uint8_t *data, unsigned int *size)
{
    struct cipher *state = argument;
    int text = (int)*size - state->tag, done;
    uint8_t none[BLOCK];

    if (text < 0 || !EVP_CIPHER_CTX_ctrl(state->context, EVP_CTRL_AEAD_SET_TAG, state->tag, data + text))
        return srtp_err_status_auth_fail;
    if (!EVP_CipherUpdate(state->context, data, &done, data, text) || !EVP_CipherFinal_ex(state->context, none, &done))
        return srtp_err_status_auth_fail;
    *size = (unsigned int)text;
    return srtp_err_status_ok;
}

static srtp_err_status_t hmac_alloc(srtp_auth_pointer_t *made, int key_len, int tag)
{
    srtp_auth_t *auth = NULL;
    struct hmac *state = NULL;

    if (key_len > HMAC_BLOCK || tag > SHA_DIGEST_LENGTH || !(auth = calloc(1, sizeof *auth)) ||
        !(state = calloc(1, sizeof *state))) {
        free(auth);
        return srtp_err_status_bad_param;
    }
    auth->type = &hmac;
    auth->state = state;
    auth->out_len = tag;
    auth->key_len = key_len;
    *made = auth;
    return srtp_err_status_ok;
}

static srtp_err_status_t hmac_dealloc(srtp_auth_pointer_t auth)
{
    OPENSSL_cleanse(auth->state, sizeof(struct hmac));
    free(auth->state);
    free(auth);
    return srtp_err_status_ok;
}

static void hmac_pad(SHA_CTX *hash, const uint8_t *key, int key_len, uint8_t with)
{
    uint8_t pad[HMAC_BLOCK];

    for (int n = 0; n < HMAC_BLOCK; n++)
        pad[n] = (uint8_t)((n < key_len ? key[n] : 0) ^ with);
    SHA1_Init(hash);
    SHA1_Update(hash, pad, sizeof pad);
    OPENSSL_cleanse(pad, sizeof pad);
}

static srtp_err_status_t hmac_init(void *argument, const uint8_t *key, int key_len)
{
    struct hmac *state = argument;

    hmac_pad(&state->inner, key, key_len, 0x36);
    hmac_pad(&state->outer, key, key_len, 0x5c);
    state->now = state->inner;
    return srtp_err_status_ok;
}

static srtp_err_status_t hmac_start(void *argument)
{
    struct hmac *state = argument;

    state->now = state->inner;
    return srtp_err_status_ok;
}

static srtp_err_status_t hmac_update(void *argument, const uint8_t *data, int size)
{
    struct hmac *state = argument;

    SHA1_Update(&state->now, data, (size_t)size);
    return srtp_err_status_ok;
}

static srtp_err_status_t hmac_compute(void *argument, const uint8_t *data, int size, int tag_len, uint8_t *tag)
{
    struct hmac *state = argument;
    uint8_t hash[SHA_DIGEST_LENGTH];

    SHA1_Update(&state->now, data, (size_t)size);
    SHA1_Final(hash, &state->now);
    state->now = state->outer;
    SHA1_Update(&state->now, hash, sizeof hash);
    SHA1_Final(hash, &state->now);
    memcpy(tag, hash, (size_t)tag_len);
    return srtp_err_status_ok;
}

#include "srtp_vectors.h"

static const srtp_cipher_type_t cm_128 = {
    cm_128_alloc, cipher_dealloc, cm_init, NULL, cm_crypt, cm_crypt, cm_set_iv, NULL, "AES-128 CM by OpenSSL",
    &cm_128_vector, SRTP_AES_ICM_128};
static const srtp_cipher_type_t cm_256 = {
    cm_256_alloc, cipher_dealloc, cm_init, NULL, cm_crypt, cm_crypt, cm_set_iv, NULL, "AES-256 CM by OpenSSL",
    &cm_256_vector, SRTP_AES_ICM_256};
static const srtp_cipher_type_t gcm_128 = {
    gcm_128_alloc, cipher_dealloc, gcm_init, gcm_set_aad, gcm_encrypt, gcm_decrypt, gcm_set_iv, gcm_get_tag,
    "AES-128 GCM by OpenSSL", &gcm_128_vector, SRTP_AES_GCM_128};
static const srtp_cipher_type_t gcm_256 = {
    gcm_256_alloc, cipher_dealloc, gcm_init, gcm_set_aad, gcm_encrypt, gcm_decrypt, gcm_set_iv, gcm_get_tag,
    "AES-256 GCM by OpenSSL", &gcm_256_vector, SRTP_AES_GCM_256};
static const srtp_auth_type_t hmac = {
    hmac_alloc, hmac_dealloc, hmac_init, hmac_compute, hmac_update, hmac_start, "HMAC-SHA1 by OpenSSL", &hmac_vector,
    SRTP_HMAC_SHA1};

void srtp_fast_begin(void)
{
    static const srtp_cipher_type_t *const ciphers[] = {&cm_128, &cm_256, &gcm_128, &gcm_256};

    for (size_t n = 0; n < sizeof ciphers / sizeof *ciphers; n++)
        srtp_replace_cipher_type(ciphers[n], ciphers[n]->id);
    srtp_replace_auth_type(&hmac, hmac.id);
}

#else

void srtp_fast_begin(void)
{
}

#endif
