/** The messages of the sign-in forms and of sign-in errors: they load with the code for signing in. Import this module before using one. */
import { addMessages } from '.'
import signIn from './en.signIn.json'

addMessages(signIn)
