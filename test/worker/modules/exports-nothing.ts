// Has no application in it.

export const application = undefined;
