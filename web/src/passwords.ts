/** NIST SP 800-63B-4 asks for 15 characters where a password is the only factor. The least length is a setting. */
export const GOOD_PASSWORD = "Better 15 characters or more; four random words make a good one.";
